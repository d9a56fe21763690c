package bench

// plan says who writes where. It is made for each measurement, so that also a single caller has all conversations before it.
type plan struct {
	convs []pair
	// places are the conversations of each sender, by account.
	places [][]place
}

// pair are the two accounts of a conversation; first always writes, second only when there are more senders than conversations.
// room is set for a room that first writes to.
type pair struct {
	first, second int
	room          string
}

// title is what the first of a conversation calls it.
func (b *Bench) title(p pair) string {
	if p.room != "" {
		return p.room
	}
	return b.name(p.second)
}

// place is a conversation as one of its two writers sees it.
type place struct {
	conv int
	to   int // the other account
	name string
}

// conversationsFor is how many conversations senders need: two people share one.
func conversationsFor(senders, conversations int) int { return max(conversations, (senders+1)/2) }

// poolFor is how many accounts a plan draws on, most of which never log in. Three more than twice the conversations, and no
// two conversations of any plan have the same two accounts.
func poolFor(senders, conversations int) int {
	return max(senders, 2*conversationsFor(senders, conversations)) + 3
}

// newPlan gives every sender conversations of its own while there are enough; then both sides of each write.
func newPlan(senders, conversations, pool int, name func(account int) string) plan {
	n := conversationsFor(senders, conversations)
	p := plan{convs: make([]pair, n), places: make([][]place, senders)}
	for k := range n {
		first, second := k, k+n
		if senders <= n {
			first = k % senders
			second = (first + 1 + k/senders) % pool
		}
		p.convs[k] = pair{first: first, second: second}
		p.places[first] = append(p.places[first], place{conv: k, to: second, name: name(second)})
		if senders > n && second < senders {
			p.places[second] = append(p.places[second], place{conv: k, to: first, name: name(first)})
		}
	}
	return p
}
