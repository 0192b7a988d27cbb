package wire

// Whole request frames of the operations that a client sends by the million. Each appends length, header and body.

// AppendGetDataRequest appends a getData.
func AppendGetDataRequest(dst []byte, xid int32, path string, watch bool) []byte {
	return appendPathWatch(dst, xid, OpGetData, path, watch)
}

// AppendExistsRequest appends an exists.
func AppendExistsRequest(dst []byte, xid int32, path string, watch bool) []byte {
	return appendPathWatch(dst, xid, OpExists, path, watch)
}

// AppendGetChildrenRequest appends a getChildren.
func AppendGetChildrenRequest(dst []byte, xid int32, path string, watch bool) []byte {
	return appendPathWatch(dst, xid, OpGetChildren, path, watch)
}

// AppendGetChildren2Request appends a getChildren2.
func AppendGetChildren2Request(dst []byte, xid int32, path string, watch bool) []byte {
	return appendPathWatch(dst, xid, OpGetChildren2, path, watch)
}

func appendPathWatch(dst []byte, xid int32, op OpCode, path string, watch bool) []byte {
	start := len(dst)
	dst = AppendRequestHeader(BeginFrame(dst), xid, op)
	dst = AppendBool(AppendString(dst, path), watch)
	EndFrame(dst, start)
	return dst
}

// AppendSetDataRequest appends a setData. Data that is nil becomes null.
func AppendSetDataRequest(dst []byte, xid int32, path string, data []byte, version int32) []byte {
	start := len(dst)
	dst = AppendRequestHeader(BeginFrame(dst), xid, OpSetData)
	dst = AppendInt(AppendBuffer(AppendString(dst, path), data), version)
	EndFrame(dst, start)
	return dst
}

// AppendCreateRequest appends a create, create2 or createContainer. Data that is nil becomes null.
func AppendCreateRequest(dst []byte, xid int32, op OpCode, path string, data []byte, acl []ACL, mode CreateMode) []byte {
	start := len(dst)
	dst = AppendRequestHeader(BeginFrame(dst), xid, op)
	dst = AppendACLs(AppendBuffer(AppendString(dst, path), data), acl)
	dst = AppendInt(dst, int32(mode))
	EndFrame(dst, start)
	return dst
}

// AppendDeleteRequest appends a delete.
func AppendDeleteRequest(dst []byte, xid int32, path string, version int32) []byte {
	start := len(dst)
	dst = AppendRequestHeader(BeginFrame(dst), xid, OpDelete)
	dst = AppendInt(AppendString(dst, path), version)
	EndFrame(dst, start)
	return dst
}

// AppendSyncRequest appends a sync.
func AppendSyncRequest(dst []byte, xid int32, path string) []byte {
	start := len(dst)
	dst = AppendString(AppendRequestHeader(BeginFrame(dst), xid, OpSync), path)
	EndFrame(dst, start)
	return dst
}

// AppendPing appends a ping.
func AppendPing(dst []byte) []byte { return appendHeaderRequest(dst, XidPing, OpPing) }

// AppendCloseSession appends a closeSession.
func AppendCloseSession(dst []byte, xid int32) []byte {
	return appendHeaderRequest(dst, xid, OpCloseSession)
}

func appendHeaderRequest(dst []byte, xid int32, op OpCode) []byte {
	start := len(dst)
	dst = AppendRequestHeader(BeginFrame(dst), xid, op)
	EndFrame(dst, start)
	return dst
}
