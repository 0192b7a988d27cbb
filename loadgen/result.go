package loadgen

import (
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// Schema is the version of Result's JSON. It rises when a field changes its meaning or goes.
const Schema = 1

// Result is what a run measured, with all that is needed to run it again. Durations are nanoseconds in JSON.
type Result struct {
	Schema        int       `json:"schema"`
	Model         string    `json:"model"` // open or closed
	Verdict       Verdict   `json:"verdict"`
	Partial       bool      `json:"partial"` // the run ended early
	PartialReason string    `json:"partial_reason,omitempty"`
	Started       time.Time `json:"started"`
	Build         Build     `json:"build"`
	Host          Host      `json:"host"`
	Servers       []Server  `json:"servers"`
	Config        Config    `json:"config"`
	AuthSchemes   []string  `json:"auth_schemes,omitempty"`

	Seconds   float64 `json:"seconds"`    // length of the measured window
	Good      int64   `json:"good"`       // good replies that came within it, whenever they were due
	PerSecond float64 `json:"per_second"` // Good over Seconds: the throughput

	Requests    Requests         `json:"requests"`
	Errors      map[string]int64 `json:"errors"` // of measured requests, by ZooKeeper's name of the code
	Total       OpResult         `json:"total"`
	Ops         []OpResult       `json:"ops"`
	Open        *OpenLoop        `json:"open_loop,omitempty"`
	Concurrency Concurrency      `json:"concurrency"`
	Connections Connections      `json:"connections"`
	Generator   Generator        `json:"generator"`
	Series      []Point          `json:"series"`
	Notes       []string         `json:"notes,omitempty"` // what a reader should know, short of invalidating the run

	histograms [NumOps]*hdr.Histogram
}

// Requests are those that were due within the window.
type Requests struct {
	Answered   int64 `json:"answered"`
	Failed     int64 `json:"failed"`     // of those: with an error
	Unanswered int64 `json:"unanswered"` // sent; no reply until the drain was over
	Unsent     int64 `json:"unsent"`     // due, but not sent until the drain was over
	Strange    int64 `json:"strange"`    // get replies whose data had another size than what was written
}

// OpResult is one operation, or all together, over the requests that were due within the window.
type OpResult struct {
	Op      string           `json:"op"`
	Errors  map[string]int64 `json:"errors,omitempty"`
	Latency Latency          `json:"latency"`           // of good replies, from the intended start (closed loop: from the write)
	Service *Latency         `json:"service,omitempty"` // open loop: from the write call
}

// Latency sums up a histogram of times in nanoseconds, exact to three digits.
type Latency struct {
	Count int64 `json:"count"`
	Min   int64 `json:"min_ns"`
	Mean  int64 `json:"mean_ns"`
	P50   int64 `json:"p50_ns"`
	P75   int64 `json:"p75_ns"`
	P90   int64 `json:"p90_ns"`
	P95   int64 `json:"p95_ns"`
	P99   int64 `json:"p99_ns"`
	P999  int64 `json:"p99_9_ns"`
	P9999 int64 `json:"p99_99_ns"`
	Max   int64 `json:"max_ns"`
}

// OpenLoop is how well the schedule was kept.
type OpenLoop struct {
	DuePerSecond  float64 `json:"due_per_second"`  // what the schedule asked for
	SentPerSecond float64 `json:"sent_per_second"` // of that, what was sent before the window ended
	Lag           Latency `json:"lag"`             // from the intended start to the write call
	OwnLag        Latency `json:"own_lag"`         // the part of it in which a session had room: the generator's own
	Pressed       int64   `json:"pressed"`         // requests that found every session at its depth
}

// Concurrency compares what was in flight with Little's law: throughput times mean latency.
type Concurrency struct {
	Little float64 `json:"little"`
	Limit  int     `json:"limit"` // sessions × depth: in a closed loop, always so many were in flight
}

// Connections are those of the whole run.
type Connections struct {
	Opened          int64  `json:"opened"`  // sessions that were created
	Lost            int64  `json:"lost"`    // connections
	Resumed         int64  `json:"resumed"` // sessions taken up again afterwards
	Expired         int64  `json:"expired"` // sessions the servers had forgotten
	OrderViolations int64  `json:"order_violations"`
	Events          int64  `json:"events"`
	Attempts        string `json:"attempts"` // at each server, and how the last one failed
}

// Generator is how the generator itself did during the window.
type Generator struct {
	Loops       []LoopUsage `json:"loops"`
	User        int64       `json:"cpu_user_ns"` // of the whole process
	System      int64       `json:"cpu_system_ns"`
	CPUPerOp    float64     `json:"cpu_per_op_ns"`  // of the whole process, per good reply
	LoopPerOp   float64     `json:"loop_per_op_ns"` // of the loops' threads alone
	Collections int64       `json:"gc_collections"`
	Pauses      int64       `json:"gc_pauses_ns"` // in all
	LongestGC   int64       `json:"gc_longest_pause_ns"`
	ReadDelay   Latency     `json:"read_delay"` // by read call: at most so long did its replies wait to be read
}

// LoopUsage is one event loop's thread. Busy, Queued and Slept are shares of the window's length.
type LoopUsage struct {
	Busy         float64 `json:"busy"`           // running
	Queued       float64 `json:"queued"`         // ready to run, waiting for a core
	Slept        float64 `json:"slept"`          // with nothing to do; getting a core again is in it, and in Queued too
	TurnsPerSec  float64 `json:"turns_per_s"`    // waits for events
	ReadsPerTurn float64 `json:"reads_per_turn"` // sessions that had sent something
	Backlogs     int64   `json:"backlogs"`       // reads that filled the buffer and left something behind
}

// Histogram is the distribution of an operation's latency, nil if it was not in the mix. It must not be changed.
func (r *Result) Histogram(op Op) *hdr.Histogram { return r.histograms[op] }

// result puts together what the workers measured.
func (r *run) result(started time.Time, servers []Server) *Result {
	c := &r.config
	res := &Result{
		Schema: Schema, Model: c.Model(), Started: started, Build: readBuild(), Host: readHost(), Servers: servers, Config: *c,
		Errors: map[string]int64{}, Series: append([]Point{}, r.series.points...),
	}
	for _, a := range c.Auth {
		res.AuthSchemes = append(res.AuthSchemes, a.Scheme)
	}
	r.addWindow(res)
	r.addOps(res)
	r.addOpenLoop(res)
	r.addConnections(res)
	r.addGenerator(res)
	res.Concurrency = Concurrency{
		Little: res.PerSecond * float64(res.Total.Latency.Mean) / 1e9, Limit: c.Sessions * c.Depth,
	}
	res.judge()
	return res
}

func (r *run) addWindow(res *Result) {
	var length int64
	for _, w := range r.workers {
		rec := w.recorder
		if rec == nil {
			continue
		}
		length = max(length, w.thread.ended-r.start)
		res.Good += rec.good
		res.Requests.Answered += rec.measured
		res.Requests.Strange += rec.strange
		res.Requests.Unanswered += w.unanswered
		res.Requests.Unsent += w.unsent
	}
	if length > 0 && r.end != endless {
		length = min(length, r.end-r.start)
	}
	if res.Seconds = float64(max(length, 0)) / 1e9; res.Seconds > 0 {
		res.PerSecond = float64(res.Good) / res.Seconds
	}
}

func (r *run) addOps(res *Result) {
	total, totalService := newHistogram(), newHistogram()
	for op := range NumOps {
		if r.config.Mix[op] == 0 {
			continue
		}
		latency, service, errors := newHistogram(), newHistogram(), map[string]int64{}
		for _, w := range r.workers {
			if w.recorder == nil {
				continue
			}
			latency.Merge(w.recorder.latency[op])
			if w.recorder.open {
				service.Merge(w.recorder.service[op])
			}
			for code, n := range w.recorder.errors[op] {
				errors[code.String()] += n
				res.Errors[code.String()] += n
				res.Requests.Failed += n
			}
		}
		total.Merge(latency)
		totalService.Merge(service)
		res.histograms[op] = latency
		res.Ops = append(res.Ops, r.opResult(op.String(), errors, latency, service))
	}
	res.Total = r.opResult("total", res.Errors, total, totalService)
}

func (r *run) opResult(name string, errors map[string]int64, latency, service *hdr.Histogram) OpResult {
	o := OpResult{Op: name, Errors: errors, Latency: summarize(latency)}
	if r.config.Rate > 0 {
		s := summarize(service)
		o.Service = &s
	}
	return o
}

func (r *run) addOpenLoop(res *Result) {
	if r.config.Rate == 0 {
		return
	}
	lag, own := newHistogram(), newHistogram()
	var issued, inTime, unsent, pressed int64
	for _, w := range r.workers {
		if w.recorder == nil {
			continue
		}
		lag.Merge(w.recorder.lag)
		own.Merge(w.recorder.ownLag)
		issued, inTime, unsent, pressed = issued+w.issued, inTime+w.inTime, unsent+w.unsent, pressed+w.recorder.pressed
	}
	res.Open = &OpenLoop{Lag: summarize(lag), OwnLag: summarize(own), Pressed: pressed}
	if res.Seconds > 0 {
		res.Open.DuePerSecond = float64(issued+unsent) / res.Seconds
		res.Open.SentPerSecond = float64(inTime) / res.Seconds
	}
}

func (r *run) addConnections(res *Result) {
	for _, w := range r.workers {
		st := w.finalStats
		res.Connections.Opened += st.Connects
		res.Connections.Lost += st.Lost
		res.Connections.Resumed += st.Resumes
		res.Connections.Expired += st.Expired
		res.Connections.OrderViolations += st.OrderViolations
		res.Connections.Events += st.Events
		if w.cleanError != nil {
			res.note("clean up: %v", w.cleanError)
		}
	}
	res.Connections.Attempts = r.workers[0].tried
}

func (r *run) addGenerator(res *Result) {
	g := &res.Generator
	delay := newHistogram()
	var loops int64
	for _, w := range r.workers {
		u := &w.thread
		if w.recorder == nil || u.wall() <= 0 {
			continue
		}
		delay.Merge(w.recorder.readDelay)
		loops += u.cpu
		wall := float64(u.wall())
		g.Loops = append(g.Loops, LoopUsage{
			Busy: float64(u.cpu) / wall, Queued: float64(u.queued) / wall, Slept: float64(u.slept) / wall,
			TurnsPerSec: float64(u.turns) / wall * 1e9, ReadsPerTurn: float64(u.reads) / float64(max(u.turns, 1)), Backlogs: u.backlogs,
		})
	}
	p := r.workers[0].thread.process
	g.User, g.System, g.Collections, g.Pauses, g.LongestGC = p.user, p.system, p.collections, p.pauses, p.longest
	g.ReadDelay = summarize(delay)
	if res.Good > 0 {
		g.CPUPerOp = float64(p.user+p.system) / float64(res.Good)
		g.LoopPerOp = float64(loops) / float64(res.Good)
	}
}

func summarize(h *hdr.Histogram) Latency {
	if h.TotalCount() == 0 {
		return Latency{}
	}
	q := h.ValueAtPercentilesSlice([]float64{50, 75, 90, 95, 99, 99.9, 99.99})
	return Latency{
		Count: h.TotalCount(), Min: h.Min(), Mean: int64(h.Mean()), Max: h.Max(),
		P50: q[0], P75: q[1], P90: q[2], P95: q[3], P99: q[4], P999: q[5], P9999: q[6],
	}
}

// finishLoop keeps what the loop knows before it is closed.
func (w *worker) finishLoop() {
	w.finalStats, w.tried = w.loop.Stats(), w.loop.Tried()
	w.run.mu.Lock()
	w.gone = true
	w.run.mu.Unlock()
	w.loop.Close()
}
