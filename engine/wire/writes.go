package wire

// The requests that change something, and what answers them. delete, check and closeSession are answered with a header
// alone; setData and setACL with a Stat.

// CreateRequest is the request of create, create2 and createContainer.
type CreateRequest struct {
	Path     string
	NullPath bool
	Data     []byte // nil for null, which is kept apart from empty
	ACL      []ACL  // nil for null
	Mode     CreateMode
}

// Append appends q.
func (q *CreateRequest) Append(dst []byte) []byte {
	dst = AppendNullableString(dst, q.Path, q.NullPath)
	dst = AppendBuffer(dst, q.Data)
	dst = AppendACLs(dst, q.ACL)
	return AppendInt(dst, int32(q.Mode))
}

// Decode reads q.
func (q *CreateRequest) Decode(r *Reader) error {
	q.Path, q.NullPath = r.NullableString()
	q.Data = r.Buffer()
	q.ACL = r.ACLs(q.ACL)
	q.Mode = CreateMode(r.Int())
	return r.err
}

// CreateTTLRequest is the request of createTTL.
type CreateTTLRequest struct {
	CreateRequest
	TTL int64 // milliseconds
}

// Append appends q.
func (q *CreateTTLRequest) Append(dst []byte) []byte {
	return AppendLong(q.CreateRequest.Append(dst), q.TTL)
}

// Decode reads q.
func (q *CreateTTLRequest) Decode(r *Reader) error {
	_ = q.CreateRequest.Decode(r)
	q.TTL = r.Long()
	return r.err
}

// CreateResponse is the response of create: the path, with its number if the znode is sequential.
type CreateResponse struct {
	Path string
}

// Append appends p.
func (p *CreateResponse) Append(dst []byte) []byte { return AppendString(dst, p.Path) }

// Decode reads p.
func (p *CreateResponse) Decode(r *Reader) error {
	p.Path = r.String()
	return r.err
}

// Create2Response is the response of create2, createContainer and createTTL.
type Create2Response struct {
	Path string
	Stat Stat
}

// Append appends p.
func (p *Create2Response) Append(dst []byte) []byte {
	return AppendStat(AppendString(dst, p.Path), &p.Stat)
}

// Decode reads p.
func (p *Create2Response) Decode(r *Reader) error {
	p.Path = r.String()
	return p.Stat.Decode(r)
}

// AnyVersion, as the version of a delete, setData, setACL or check, matches every version. No other number does.
const AnyVersion int32 = -1

// PathVersion is the request of delete and of check.
type PathVersion struct {
	Path     string
	NullPath bool
	Version  int32
}

// One layout, two requests.
type (
	DeleteRequest       = PathVersion
	CheckVersionRequest = PathVersion
)

// Append appends q.
func (q *PathVersion) Append(dst []byte) []byte {
	return AppendInt(AppendNullableString(dst, q.Path, q.NullPath), q.Version)
}

// Decode reads q.
func (q *PathVersion) Decode(r *Reader) error {
	q.Path, q.NullPath = r.NullableString()
	q.Version = r.Int()
	return r.err
}

// SetDataRequest is the request of setData.
type SetDataRequest struct {
	Path     string
	NullPath bool
	Data     []byte // nil for null, which is kept apart from empty
	Version  int32
}

// Append appends q.
func (q *SetDataRequest) Append(dst []byte) []byte {
	dst = AppendNullableString(dst, q.Path, q.NullPath)
	dst = AppendBuffer(dst, q.Data)
	return AppendInt(dst, q.Version)
}

// Decode reads q.
func (q *SetDataRequest) Decode(r *Reader) error {
	q.Path, q.NullPath = r.NullableString()
	q.Data = r.Buffer()
	q.Version = r.Int()
	return r.err
}

// SetACLRequest is the request of setACL.
type SetACLRequest struct {
	Path     string
	NullPath bool
	ACL      []ACL // nil for null
	Version  int32 // the expected aversion
}

// Append appends q.
func (q *SetACLRequest) Append(dst []byte) []byte {
	dst = AppendNullableString(dst, q.Path, q.NullPath)
	dst = AppendACLs(dst, q.ACL)
	return AppendInt(dst, q.Version)
}

// Decode reads q.
func (q *SetACLRequest) Decode(r *Reader) error {
	q.Path, q.NullPath = r.NullableString()
	q.ACL = r.ACLs(q.ACL)
	q.Version = r.Int()
	return r.err
}

// ReconfigRequest is the request of reconfig. NewMembers, if not null, replaces the ensemble; otherwise Joining and
// Leaving change it. Null and empty are kept apart, since they ask for different things.
type ReconfigRequest struct {
	Joining, Leaving, NewMembers             string
	NullJoining, NullLeaving, NullNewMembers bool
	CurConfigID                              int64 // the configuration version expected, -1 for any
}

// Append appends q.
func (q *ReconfigRequest) Append(dst []byte) []byte {
	dst = AppendNullableString(dst, q.Joining, q.NullJoining)
	dst = AppendNullableString(dst, q.Leaving, q.NullLeaving)
	dst = AppendNullableString(dst, q.NewMembers, q.NullNewMembers)
	return AppendLong(dst, q.CurConfigID)
}

// Decode reads q.
func (q *ReconfigRequest) Decode(r *Reader) error {
	q.Joining, q.NullJoining = r.NullableString()
	q.Leaving, q.NullLeaving = r.NullableString()
	q.NewMembers, q.NullNewMembers = r.NullableString()
	q.CurConfigID = r.Long()
	return r.err
}
