package search

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// alone are the scripts that put no spaces between words: each of their characters is a word, and a run of them in a query is
// a phrase.
var alone = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar,
}

// appendWords appends the words of a text in their order: runs of letters and digits in lower case, compatible forms made one
// (NFKC), cut at maxWordBytes. An emoji and a character of a script without spaces is a word of its own; all else separates.
// No language is assumed: there is no stemming and there are no stop words.
func appendWords(dst []string, text string) []string {
	if !ascii(text) {
		text = norm.NFKC.String(text)
	}
	low := make([]byte, 0, len(text)+8)
	start := 0
	end := func() {
		if start < len(low) {
			dst = append(dst, string(cutWord(low[start:])))
			start = len(low)
		}
	}
	for i := 0; i < len(text); {
		if c := text[i]; c < utf8.RuneSelf {
			i++
			switch {
			case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
				low = append(low, c)
			case 'A' <= c && c <= 'Z':
				low = append(low, c+'a'-'A')
			default:
				end()
			}
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		i += n
		switch {
		case r == zeroWidthJoiner || r == emojiVariant:
		case unicode.Is(unicode.So, r) || unicode.In(r, alone...):
			end()
			low = utf8.AppendRune(low, r)
			end()
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
			low = utf8.AppendRune(low, unicode.ToLower(r))
		default:
			end()
		}
	}
	end()
	return dst
}

const (
	zeroWidthJoiner = '\u200d'
	emojiVariant    = '\ufe0f'
)

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// cutWord cuts a long word at the end of a character.
func cutWord(w []byte) []byte {
	if len(w) <= maxWordBytes {
		return w
	}
	n := maxWordBytes
	for n > 0 && !utf8.RuneStart(w[n]) {
		n--
	}
	return w[:n]
}
