package wire

// The requests that read, and what answers them. A null path is kept apart from an empty one: the empty path is an
// alias of the root, a null one is answered with MarshallingError (and by sync with null).

// PathWatch is the request of exists, getData, getChildren and getChildren2.
type PathWatch struct {
	Path     string
	NullPath bool
	Watch    bool
}

// One layout, four requests.
type (
	ExistsRequest       = PathWatch
	GetDataRequest      = PathWatch
	GetChildrenRequest  = PathWatch
	GetChildren2Request = PathWatch
)

// Append appends q.
func (q *PathWatch) Append(dst []byte) []byte {
	return AppendBool(AppendNullableString(dst, q.Path, q.NullPath), q.Watch)
}

// Decode reads q.
func (q *PathWatch) Decode(r *Reader) error {
	q.Path, q.NullPath = r.NullableString()
	q.Watch = r.Bool()
	return r.err
}

// PathOnly is the request of getACL, sync, getEphemerals (there a prefix), getAllChildrenNumber and deleteContainer, and
// the response of sync.
type PathOnly struct {
	Path     string
	NullPath bool
}

// One layout, five requests and a response.
type (
	GetACLRequest               = PathOnly
	SyncRequest                 = PathOnly
	SyncResponse                = PathOnly
	GetEphemeralsRequest        = PathOnly
	GetAllChildrenNumberRequest = PathOnly
	DeleteContainerRequest      = PathOnly
)

// Append appends q.
func (q *PathOnly) Append(dst []byte) []byte { return AppendNullableString(dst, q.Path, q.NullPath) }

// Decode reads q.
func (q *PathOnly) Decode(r *Reader) error {
	q.Path, q.NullPath = r.NullableString()
	return r.err
}

// DataStat is the response of getData and of reconfig. Data is nil for a znode whose data is null.
type DataStat struct {
	Data []byte
	Stat Stat
}

// One layout, two responses. Exists, setData and setACL are answered with a Stat alone.
type (
	GetDataResponse  = DataStat
	ReconfigResponse = DataStat
)

// Append appends p.
func (p *DataStat) Append(dst []byte) []byte {
	return AppendStat(AppendBuffer(dst, p.Data), &p.Stat)
}

// Decode reads p.
func (p *DataStat) Decode(r *Reader) error {
	p.Data = r.Buffer()
	return p.Stat.Decode(r)
}

// GetChildrenResponse is the response of getChildren (names) and of getEphemerals (paths).
type GetChildrenResponse struct {
	Names []string
}

// GetEphemeralsResponse has the layout of GetChildrenResponse; its Names are whole paths.
type GetEphemeralsResponse = GetChildrenResponse

// Append appends p.
func (p *GetChildrenResponse) Append(dst []byte) []byte { return AppendStrings(dst, p.Names) }

// Decode reads p.
func (p *GetChildrenResponse) Decode(r *Reader) error {
	p.Names = r.Strings(p.Names)
	return r.err
}

// GetChildren2Response is the response of getChildren2.
type GetChildren2Response struct {
	Names []string
	Stat  Stat
}

// Append appends p.
func (p *GetChildren2Response) Append(dst []byte) []byte {
	return AppendStat(AppendStrings(dst, p.Names), &p.Stat)
}

// Decode reads p.
func (p *GetChildren2Response) Decode(r *Reader) error {
	p.Names = r.Strings(p.Names)
	return p.Stat.Decode(r)
}

// GetACLResponse is the response of getACL.
type GetACLResponse struct {
	ACL  []ACL
	Stat Stat
}

// Append appends p.
func (p *GetACLResponse) Append(dst []byte) []byte {
	return AppendStat(AppendACLs(dst, p.ACL), &p.Stat)
}

// Decode reads p.
func (p *GetACLResponse) Decode(r *Reader) error {
	p.ACL = r.ACLs(p.ACL)
	return p.Stat.Decode(r)
}

// GetAllChildrenNumberResponse is the response of getAllChildrenNumber.
type GetAllChildrenNumberResponse struct {
	Total int32
}

// Append appends p.
func (p *GetAllChildrenNumberResponse) Append(dst []byte) []byte { return AppendInt(dst, p.Total) }

// Decode reads p.
func (p *GetAllChildrenNumberResponse) Decode(r *Reader) error {
	p.Total = r.Int()
	return r.err
}
