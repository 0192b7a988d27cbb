package server

import "strconv"

// maxMntrLines keeps the answer to mntr below the 500 lines that some of its readers stop at.
const maxMntrLines = 499

// appendMntr answers mntr: lines "zk_name<tab>value", first what every reader looks for, then the gauges, counters and
// distributions of the Report, under Apache's names.
func appendMntr(dst []byte, r *Report) []byte {
	m := mntr{dst: dst}
	m.text("version", r.Version)
	m.text("server_state", r.Mode)
	m.number("ephemerals_count", r.EphemeralCount)
	m.number("num_alive_connections", r.ConnectionCount)
	m.decimal("avg_latency", r.LatencyAvg)
	m.number("outstanding_requests", r.Outstanding)
	m.number("znode_count", r.ZnodeCount)
	m.number("watch_count", r.WatchCount)
	m.number("global_sessions", r.SessionCount)
	m.number("approximate_data_size", r.DataSizeBytes)
	m.number("packets_received", r.Received)
	m.number("packets_sent", r.Sent)
	if r.OpenFiles >= 0 && r.MaxFiles >= 0 {
		m.number("max_file_descriptor_count", r.MaxFiles)
		m.number("open_file_descriptor_count", r.OpenFiles)
	}
	m.number("uptime", r.UptimeMillis)
	m.number("min_latency", r.LatencyMin)
	m.number("max_latency", r.LatencyMax)
	for i := range r.Gauges {
		m.number(r.Gauges[i].Name, r.Gauges[i].Value)
	}
	for i := range r.Summaries {
		m.summary(&r.Summaries[i])
	}
	return m.dst
}

// mntr gathers the lines of the answer.
type mntr struct {
	dst   []byte
	lines int
}

// key begins a line; once there are too many it returns false, and the line is left out.
func (m *mntr) key(kind, name string) bool {
	if m.lines >= maxMntrLines {
		return false
	}
	m.lines++
	m.dst = append(append(m.dst, "zk_"...), kind...)
	m.dst = append(append(m.dst, name...), '\t')
	return true
}

func (m *mntr) text(name, value string) {
	if m.key("", name) {
		m.dst = append(append(m.dst, value...), '\n')
	}
}

func (m *mntr) number(name string, n int64) { m.kindNumber("", name, n) }

func (m *mntr) kindNumber(kind, name string, n int64) {
	if m.key(kind, name) {
		m.dst = append(strconv.AppendInt(m.dst, n, 10), '\n')
	}
}

func (m *mntr) decimal(name string, f float64) { m.kindDecimal("", name, f) }

func (m *mntr) kindDecimal(kind, name string, f float64) {
	if m.key(kind, name) {
		m.dst = append(appendDecimal(m.dst, f), '\n')
	}
}

func (m *mntr) summary(s *Summary) {
	m.kindDecimal("avg_", s.Name, s.Avg)
	m.kindNumber("min_", s.Name, s.Min)
	m.kindNumber("max_", s.Name, s.Max)
	m.kindNumber("cnt_", s.Name, s.Count)
	m.kindNumber("sum_", s.Name, s.Sum)
	if s.Quantiles {
		m.kindNumber("p50_", s.Name, s.P50)
		m.kindNumber("p95_", s.Name, s.P95)
		m.kindNumber("p99_", s.Name, s.P99)
		m.kindNumber("p999_", s.Name, s.P999)
	}
}
