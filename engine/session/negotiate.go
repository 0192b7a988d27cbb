package session

// Negotiate returns the timeout in milliseconds that a client gets who asks for wanted: wanted, held within
// [minMs, maxMs]. No wish is an error, however silly: zero and negative ones are raised to minMs like any other that is too
// low. The caller sees to 0 < minMs <= maxMs, because in a connect response 0 means "expired".
func Negotiate(wanted, minMs, maxMs int32) int32 {
	return min(max(wanted, minMs), maxMs)
}
