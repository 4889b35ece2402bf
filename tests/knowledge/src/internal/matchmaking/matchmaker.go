// Package matchmaking finds opponents of about equal strength.
package matchmaking

import (
	"context"
	"errors"
	"sort"
	"time"
)

// ErrNoOpponent is returned when the window has been widened to its bound.
var ErrNoOpponent = errors.New("matchmaking: no opponent")

// Ticket is one player who waits.
type Ticket struct {
	PlayerID string
	Rating   int
	Region   string
	Since    time.Time
}

// Queue holds the waiting tickets of one region.
type Queue struct {
	tickets []Ticket
	window  int
}

// Add puts a ticket into the queue, ordered by rating.
func (q *Queue) Add(t Ticket) {
	at := sort.Search(len(q.tickets), func(i int) bool { return q.tickets[i].Rating >= t.Rating })
	q.tickets = append(q.tickets, Ticket{})
	copy(q.tickets[at+1:], q.tickets[at:])
	q.tickets[at] = t
}

// Match returns the nearest opponent within the window, which widens with the time waited.
func (q *Queue) Match(ctx context.Context, t Ticket, now time.Time) (Ticket, error) {
	window := q.window + int(now.Sub(t.Since).Seconds())*5
	best := -1
	for i, other := range q.tickets {
		if other.PlayerID == t.PlayerID || abs(other.Rating-t.Rating) > window {
			continue
		}
		if best < 0 || abs(other.Rating-t.Rating) < abs(q.tickets[best].Rating-t.Rating) {
			best = i
		}
	}
	if err := ctx.Err(); err != nil {
		return Ticket{}, err
	}
	if best < 0 {
		return Ticket{}, ErrNoOpponent
	}
	return q.tickets[best], nil
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
