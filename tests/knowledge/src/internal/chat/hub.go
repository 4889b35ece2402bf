// Package chat fans messages out to connected players. It keeps nothing in Postgres.
package chat

import (
	"context"
	"sync"
)

// Message is one line of chat.
type Message struct {
	Room string `json:"room"`
	From string `json:"from"`
	Text string `json:"text"`
}

// Hub knows who listens to which room.
type Hub struct {
	mu    sync.RWMutex
	rooms map[string]map[string]chan Message
}

// NewHub builds an empty hub.
func NewHub() *Hub {
	return &Hub{rooms: make(map[string]map[string]chan Message)}
}

// Join subscribes a player to a room until the context ends.
func (h *Hub) Join(ctx context.Context, room, player string) <-chan Message {
	out := make(chan Message, 64)
	h.mu.Lock()
	if h.rooms[room] == nil {
		h.rooms[room] = make(map[string]chan Message)
	}
	h.rooms[room][player] = out
	h.mu.Unlock()
	go func() {
		<-ctx.Done()
		h.mu.Lock()
		delete(h.rooms[room], player)
		h.mu.Unlock()
		close(out)
	}()
	return out
}

// Publish sends a message to everybody in its room; a slow reader loses it.
func (h *Hub) Publish(m Message) int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	sent := 0
	for _, out := range h.rooms[m.Room] {
		select {
		case out <- m:
			sent++
		default:
		}
	}
	return sent
}
