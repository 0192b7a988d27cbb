package bench

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"strconv"
	"strings"
	"time"
)

// fourLetterWord sends one of ZooKeeper's four-letter commands to addr and returns the whole answer. It is an error if
// there is none, which is how a server treats a word that is not in its list.
func fourLetterWord(ctx context.Context, addr, word string) (string, error) {
	conn, err := (&net.Dialer{Timeout: greetTimeout}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return "", fmt.Errorf("%s to %s: %w", word, addr, err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(greetTimeout)); err != nil {
		return "", fmt.Errorf("%s to %s: %w", word, addr, err)
	}
	if _, err := io.WriteString(conn, word); err != nil {
		return "", fmt.Errorf("%s to %s: %w", word, addr, err)
	}
	answer, err := io.ReadAll(io.LimitReader(conn, 1<<20))
	if err != nil {
		return "", fmt.Errorf("%s to %s: %w", word, addr, err)
	}
	if len(answer) == 0 {
		return "", fmt.Errorf("%s to %s: no answer", word, addr)
	}
	return string(answer), nil
}

// parseMonitor reads the answer to mntr: lines of a key, a tab and a value. Other lines are passed over.
func parseMonitor(answer string) map[string]string {
	values := map[string]string{}
	for line := range strings.Lines(answer) {
		key, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), "\t")
		if ok && strings.HasPrefix(key, "zk_") {
			values[key] = value
		}
	}
	return values
}

// The counters worth keeping beside a window: what the log did, and how large the groups and queues were.
var monitorParts = []string{"sync", "batch", "group", "outstanding", "znode_count", "data_size", "snapshot", "wal", "gc"}

// ofInterest keeps the counters whose key holds one of monitorParts.
func ofInterest(values map[string]string) map[string]string {
	kept := maps.Clone(values)
	maps.DeleteFunc(kept, func(key, _ string) bool {
		for _, part := range monitorParts {
			if strings.Contains(key, part) {
				return false
			}
		}
		return true
	})
	return kept
}

// syncLatencyOf finds a server's account of its syncs among its counters: ours is in microseconds, and says so, Apache's
// in whole milliseconds, as all of mntr's times. It returns nil if the server gives none, or had no sync.
func syncLatencyOf(values map[string]string) *SyncLatency {
	for suffix, unit := range map[string]time.Duration{"_us": time.Microsecond, "": time.Millisecond} {
		count, _ := timeIn(values["zk_cnt_fsynctime"+suffix], 1)
		p50, ok50 := timeIn(values["zk_p50_fsynctime"+suffix], unit)
		p99, ok99 := timeIn(values["zk_p99_fsynctime"+suffix], unit)
		if ok50 && ok99 && count > 0 {
			return &SyncLatency{Count: int64(count), P50: p50, P99: p99, Since: "the server's start"}
		}
	}
	return nil
}

func timeIn(text string, unit time.Duration) (Nanos, bool) {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, false
	}
	return Nanos(n * float64(unit)), true
}
