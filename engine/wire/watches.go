package wire

import "strconv"

// WatcherType says which watches on a path a removeWatches or checkWatches means.
type WatcherType int32

// The watcher types. Any other number is answered with MarshallingError.
const (
	WatcherChildren            WatcherType = 1 // set by getChildren
	WatcherData                WatcherType = 2 // set by getData or exists
	WatcherAny                 WatcherType = 3
	WatcherPersistent          WatcherType = 4
	WatcherPersistentRecursive WatcherType = 5
)

// Valid reports whether t is one of the five types.
func (t WatcherType) Valid() bool { return t >= WatcherChildren && t <= WatcherPersistentRecursive }

// String names the type, or watcherType(n) for a number that has no name.
func (t WatcherType) String() string {
	switch t {
	case WatcherChildren:
		return "children"
	case WatcherData:
		return "data"
	case WatcherAny:
		return "any"
	case WatcherPersistent:
		return "persistent"
	case WatcherPersistentRecursive:
		return "persistent-recursive"
	}
	return "watcherType(" + strconv.Itoa(int(t)) + ")"
}

// AddWatchMode says what kind of watch addWatch sets.
type AddWatchMode int32

// The modes. Any other number is answered with MarshallingError.
const (
	AddPersistent          AddWatchMode = 0
	AddPersistentRecursive AddWatchMode = 1
)

// Valid reports whether m is one of the two modes.
func (m AddWatchMode) Valid() bool { return m == AddPersistent || m == AddPersistentRecursive }

// String names the mode, or addWatchMode(n) for a number that has no name.
func (m AddWatchMode) String() string {
	switch m {
	case AddPersistent:
		return "persistent"
	case AddPersistentRecursive:
		return "persistent-recursive"
	}
	return "addWatchMode(" + strconv.Itoa(int(m)) + ")"
}

// WatchesRequest is the request of checkWatches and of removeWatches. Both are answered with a header alone.
type WatchesRequest struct {
	Path     string
	NullPath bool
	Type     WatcherType
}

// One layout, two requests.
type (
	CheckWatchesRequest  = WatchesRequest
	RemoveWatchesRequest = WatchesRequest
)

// Append appends q.
func (q *WatchesRequest) Append(dst []byte) []byte {
	return AppendInt(AppendNullableString(dst, q.Path, q.NullPath), int32(q.Type))
}

// Decode reads q.
func (q *WatchesRequest) Decode(r *Reader) error {
	q.Path, q.NullPath = r.NullableString()
	q.Type = WatcherType(r.Int())
	return r.err
}

// AddWatchRequest is the request of addWatch.
type AddWatchRequest struct {
	Path     string
	NullPath bool
	Mode     AddWatchMode
}

// Append appends q.
func (q *AddWatchRequest) Append(dst []byte) []byte {
	return AppendInt(AppendNullableString(dst, q.Path, q.NullPath), int32(q.Mode))
}

// Decode reads q.
func (q *AddWatchRequest) Decode(r *Reader) error {
	q.Path, q.NullPath = r.NullableString()
	q.Mode = AddWatchMode(r.Int())
	return r.err
}

// AddWatchResponse is the response of addWatch: alone among the operations without a result, it has a body.
type AddWatchResponse struct {
	Err Code // OK
}

// Append appends p.
func (p *AddWatchResponse) Append(dst []byte) []byte { return AppendInt(dst, int32(p.Err)) }

// Decode reads p.
func (p *AddWatchResponse) Decode(r *Reader) error {
	p.Err = Code(r.Int())
	return r.err
}

// SetWatches is the request of setWatches: a client that reconnected registers its watches again. A null list, kept as
// nil, is answered with MarshallingError.
type SetWatches struct {
	RelativeZxid       int64 // what the client has seen: changes after it become events at once
	Data, Exist, Child []string
}

// Append appends q.
func (q *SetWatches) Append(dst []byte) []byte {
	dst = AppendLong(dst, q.RelativeZxid)
	dst = AppendStrings(dst, q.Data)
	dst = AppendStrings(dst, q.Exist)
	return AppendStrings(dst, q.Child)
}

// Decode reads q.
func (q *SetWatches) Decode(r *Reader) error {
	q.RelativeZxid = r.Long()
	q.Data = r.Strings(q.Data)
	q.Exist = r.Strings(q.Exist)
	q.Child = r.Strings(q.Child)
	return r.err
}

// HasNull reports whether a list is null.
func (q *SetWatches) HasNull() bool { return q.Data == nil || q.Exist == nil || q.Child == nil }

// SetWatches2 is the request of setWatches2: setWatches with the persistent watches.
type SetWatches2 struct {
	SetWatches
	Persistent, PersistentRecursive []string
}

// Append appends q.
func (q *SetWatches2) Append(dst []byte) []byte {
	dst = q.SetWatches.Append(dst)
	dst = AppendStrings(dst, q.Persistent)
	return AppendStrings(dst, q.PersistentRecursive)
}

// Decode reads q.
func (q *SetWatches2) Decode(r *Reader) error {
	_ = q.SetWatches.Decode(r)
	q.Persistent = r.Strings(q.Persistent)
	q.PersistentRecursive = r.Strings(q.PersistentRecursive)
	return r.err
}

// HasNull reports whether a list is null.
func (q *SetWatches2) HasNull() bool {
	return q.SetWatches.HasNull() || q.Persistent == nil || q.PersistentRecursive == nil
}
