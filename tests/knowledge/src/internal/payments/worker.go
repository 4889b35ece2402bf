// Package payments books what the provider reports.
package payments

import (
	"context"
	"encoding/json"
	"fmt"
)

// Event is one webhook of the provider.
type Event struct {
	ID       string `json:"id"`
	PlayerID string `json:"player_id"`
	Cents    int64  `json:"cents"`
}

// Ledger books events once.
type Ledger interface {
	Book(ctx context.Context, e Event) (fresh bool, err error)
}

// Worker handles messages of the queue.
type Worker struct {
	ledger Ledger
}

// Handle books one message. A message that cannot be parsed is an error, which sends it to the dead-letter queue.
func (w *Worker) Handle(ctx context.Context, body []byte) error {
	var e Event
	if err := json.Unmarshal(body, &e); err != nil {
		return fmt.Errorf("payments: parse: %w", err)
	}
	if _, err := w.ledger.Book(ctx, e); err != nil {
		return fmt.Errorf("payments: book %s: %w", e.ID, err)
	}
	return nil
}
