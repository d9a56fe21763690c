package composer

const (
	// maxRows is how far the field grows before it scrolls.
	maxRows = 8
	// maxContentRows bounds the rows that can be written: the text area draws all of them on every key.
	maxContentRows = 400
	// MaxBytes is the contract's limit of a message.
	MaxBytes = 8192
	// maxUndo bounds the steps that can be undone: more than a draft of the greatest length has words in practice.
	maxUndo = 200
	// maxHistory bounds the lines that the arrows find again.
	maxHistory = 100
	// maxCount bounds a count in NORMAL mode: as far as a draft reaches.
	maxCount = MaxBytes
)
