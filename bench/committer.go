package bench

import (
	"fmt"
	"os"
	"sync"
)

// committer is the append ceiling's disk: one goroutine that writes what queued during the last sync, syncs it, and
// hands the replies to the event loops that took the requests. There is no timer: a lone request is synced at once.
//
//	event loops ──add──► queue ──swap──► one write, one fdatasync ──► one hand-off per event loop
//
// add may be called from any goroutine; all else belongs to the goroutine of run.
type committer struct {
	file *os.File
	size int64 // of the file; writing starts over at its end, as a log does that recycles its segments

	mu     sync.Mutex
	wake   sync.Cond // of mu: the queue is no longer empty, or closed
	queue  ceilingGroup
	closed bool
}

// ceilingGroup is requests on their way to the disk, and who waits for them.
type ceilingGroup struct {
	records []byte
	waiting [][]ceilingWaiter // by event loop
}

// ceilingWaiter is a request whose reply waits for the sync.
type ceilingWaiter struct {
	conn    *ceilingConn
	request ceilingRequest
}

// committerFileBytes is how much is written before the file is used from its beginning again.
const committerFileBytes = 64 << 20

// newCommitter creates the file, pre-zeroed, at name. The caller calls run, then close.
func newCommitter(name string, loops int) (*committer, error) {
	file, err := createZeroed(name, committerFileBytes)
	if err != nil {
		return nil, fmt.Errorf("ceiling: %w", err)
	}
	c := &committer{file: file, size: committerFileBytes, queue: newCeilingGroup(loops)}
	c.wake.L = &c.mu
	return c, nil
}

func newCeilingGroup(loops int) ceilingGroup {
	return ceilingGroup{waiting: make([][]ceilingWaiter, loops)}
}

// reset empties g and keeps its memory.
func (g *ceilingGroup) reset() {
	g.records = g.records[:0]
	for i, w := range g.waiting {
		clear(w) // a closed connection is not to be held back
		g.waiting[i] = w[:0]
	}
}

// add queues records, which it copies, and the waiters of one event loop.
func (c *committer) add(loop int, records []byte, waiters []ceilingWaiter) {
	c.mu.Lock()
	c.queue.records = append(c.queue.records, records...)
	c.queue.waiting[loop] = append(c.queue.waiting[loop], waiters...)
	c.mu.Unlock()
	c.wake.Signal()
}

// run writes and syncs one group after the other until close, and calls done after each. done must be through with
// the waiters when it returns. A failed write or sync ends run: nothing may be acknowledged after it.
func (c *committer) run(done func(waiting [][]ceilingWaiter)) error {
	group := newCeilingGroup(len(c.queue.waiting))
	var offset int64
	for c.swap(&group) {
		if offset+int64(len(group.records)) > c.size {
			offset = 0
		}
		if _, err := c.file.WriteAt(group.records, offset); err != nil {
			return fmt.Errorf("ceiling: append: %w", err)
		}
		offset += int64(len(group.records))
		if err := datasync(c.file); err != nil {
			return fmt.Errorf("ceiling: sync: %w", err)
		}
		done(group.waiting)
	}
	return nil
}

// swap waits for requests and exchanges them for the group, which it empties. It reports false once closed.
func (c *committer) swap(group *ceilingGroup) bool {
	group.reset()
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.queue.records) == 0 && !c.closed {
		c.wake.Wait()
	}
	if c.closed {
		return false
	}
	c.queue, *group = *group, c.queue
	return true
}

// close ends run and removes the file. What is queued is not written: whoever waited for it is gone.
func (c *committer) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.wake.Signal()
}

// remove closes the file and deletes it. Only after run has returned.
func (c *committer) remove() error {
	closing := c.file.Close()
	if err := os.Remove(c.file.Name()); err != nil {
		return err
	}
	return closing
}
