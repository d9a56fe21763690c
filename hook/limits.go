package hook

import "time"

const (
	// MaxBodyBytes bounds a delivery. GitHub's are up to 25 MB for pushes of thousands of commits; those are refused.
	MaxBodyBytes = 256 << 10
	// MaxDeliveries bounds the deliveries under way, and with MaxBodyBytes their memory; the next is told to come back.
	MaxDeliveries = 32
	// MaxTextBytes is the service's bound of a message.
	MaxTextBytes = 8 << 10
	// MaxKeyBytes bounds what a delivery is named by.
	MaxKeyBytes = 256
	// RepeatWindow is how long the same notification of Alertmanager is the same message. It tries again within seconds, and
	// at most for its group_interval, 5 minutes where nothing else is set; it reminds after hours.
	RepeatWindow = 5 * time.Minute
	// RetryAfter is what a delivery that was not committed is told: an election takes less.
	RetryAfter = 5 * time.Second

	// maxCommits and maxAlerts are what one message lists; it says how many more there are.
	maxCommits = 10
	maxAlerts  = 20
	// maxLineRunes bounds one of them.
	maxLineRunes = 300
)
