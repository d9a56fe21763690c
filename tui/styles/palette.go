package styles

// Themes are the names that Named knows, the default first.
var Themes = []string{"auto", "dark", "light", "high-contrast", "mono", "terminal"}

// palette is a theme's colours. Text has the terminal's own colour, or fg where the theme has to bring its background. The
// test measures each against the backgrounds below: 4.5:1, and 7:1 with high contrast (WCAG 2.1, 1.4.3 and 1.4.6). Lines
// carry nothing and are not measured.
type palette struct {
	fg, bg                   string
	dim, accent, line        string
	good, warn, bad, code    string
	barBack, barText, barDim string
	authors                  []string
	contrast                 float64
	backgrounds              []string // those that people use with it: black to dark grey, white to a warm paper
	brings                   bool     // it always sets its own background
}

var dark = palette{
	fg: "#e4e4e4", bg: "#1e1e1e",
	dim: "#9a9ea6", accent: "#5fd7ff", line: "#6c6c6c", good: "#5fd787", warn: "#ffd75f", bad: "#ff8f8f", code: "#d7afff",
	barBack: "#303030", barText: "#e0e0e0", barDim: "#b2b2b2",
	authors: []string{
		"#ff8a80", "#ffb86c", "#f1d36b", "#b8e07a", "#7ee0a1", "#6fe0d2",
		"#7cc7ff", "#9db4ff", "#c3a6ff", "#f0a1ff", "#ff9ecb", "#d7c4a3",
	},
	contrast: 4.5, backgrounds: []string{"#000000", "#1e1e1e", "#282a36", "#002b36"},
}

var light = palette{
	fg: "#1c1c1c", bg: "#fafafa",
	dim: "#5f5f5f", accent: "#00626e", line: "#b2b2b2", good: "#006b38", warn: "#8f4400", bad: "#b00020", code: "#6a33c2",
	barBack: "#e4e4e4", barText: "#262626", barDim: "#555555",
	authors: []string{
		"#a61b1b", "#8f4400", "#735500", "#4a6600", "#006b38", "#00686d",
		"#0059a6", "#3749c8", "#6a33c2", "#941ca2", "#ad175b", "#65553a",
	},
	contrast: 4.5, backgrounds: []string{"#ffffff", "#fafafa", "#fdf6e3"},
}

var darkContrast = palette{
	fg: "#ffffff", bg: "#000000", brings: true,
	dim: "#d0d0d0", accent: "#00ffff", line: "#ffffff", good: "#5fff87", warn: "#ffff00", bad: "#ffa0a0", code: "#ffc0ff",
	barBack: "#ffffff", barText: "#000000", barDim: "#303030",
	authors:  []string{"#ffb0a8", "#ffc880", "#ffff80", "#c8ff8c", "#8cffb4", "#80fff0", "#90d4ff", "#c0d0ff", "#dcc8ff", "#ffc0ff", "#ffc0dc", "#f0e0c0"},
	contrast: 7, backgrounds: []string{"#000000"},
}

var lightContrast = palette{
	fg: "#000000", bg: "#ffffff", brings: true,
	dim: "#3a3a3a", accent: "#00474f", line: "#000000", good: "#004d1f", warn: "#5c2e00", bad: "#8b0000", code: "#4b1f91",
	barBack: "#000000", barText: "#ffffff", barDim: "#d0d0d0",
	authors:  []string{"#7a0000", "#5c2e00", "#4a3800", "#2f4500", "#004d1f", "#004a4a", "#003f7a", "#26358f", "#4b1f91", "#6b0f78", "#7d0f3f", "#4a3d28"},
	contrast: 7, backgrounds: []string{"#ffffff"},
}
