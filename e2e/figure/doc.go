// Package figure runs programs that print measurements, and turns these into what the documents show: medians with their range,
// SVG plots drawn with the standard library, and a part of a Markdown file between two markers, so that a run replaces its own
// figures and nothing else.
//
//  1. A plot follows the reader's light or dark scheme: it has no background, and a style sheet of its own with both.
//  2. The same numbers give the same bytes.
//  3. A value axis begins at zero. What is drawn at a place has its number written beside it or in the table.
package figure
