package replica

import "bellwether/engine/wire"

// applyMulti applies the parts of a multi in one step: all shards concerned are locked from the first change to the
// last, so nobody sees a part of it. If one part is an error nothing is applied and every part's result is an error:
// 0 for those before the failing one (rolled back), its code, and -2 for those behind it (quorum-and-storage §4.4).
func (a *Applier) applyMulti(dst []byte, r *wire.Reader, s *step) ([]byte, error) {
	mask, failed, err := a.surveyMulti(*r)
	if err != nil {
		return dst, err
	}
	if failed {
		a.tree.SetZxid(s.zxid)
		return appendFailedMulti(dst, *r), nil
	}
	a.lock(s, mask)
	m := wire.NewMultiTxnReader(*r)
	for sub, ok := m.Next(); ok; sub, ok = m.Next() {
		dst = a.applySub(dst, sub, s)
	}
	a.unlock(s)
	return wire.AppendMultiEnd(dst), nil
}

// surveyMulti finds the shards that a multi touches and whether it failed. It also proves that all of it decodes, so
// that applying it cannot stop half-way.
func (a *Applier) surveyMulti(r wire.Reader) (mask uint64, failed bool, err error) {
	m := wire.NewMultiTxnReader(r)
	for sub, ok := m.Next(); ok; sub, ok = m.Next() {
		switch sub.Type {
		case wire.OpError:
			failed = true
		case wire.OpCheck:
		default:
			body := wire.NewReader(sub.Body)
			path, err := a.decode(sub.Type, &body)
			if err != nil {
				return 0, false, err
			}
			mask |= a.maskFor(sub.Type, path)
		}
	}
	return mask, failed, m.Err()
}

// applySub applies one part and appends its result.
func (a *Applier) applySub(dst []byte, sub wire.SubTxn, s *step) []byte {
	result := sub.Type
	if result == wire.OpCreateContainer || result == wire.OpCreateTTL {
		result = wire.OpCreate2 // client-protocol §5.1
	}
	start := len(dst)
	dst = wire.AppendMultiResult(dst, result)
	if sub.Type == wire.OpCheck {
		return dst
	}
	body := wire.NewReader(sub.Body)
	if _, err := a.decode(sub.Type, &body); err != nil {
		panic("replica: a part of a multi that decoded before does not any more")
	}
	dst, code := a.change(dst, sub.Type, s)
	if code != wire.OK { // replay finds it done already
		dst = wire.AppendMultiError(dst[:start], code)
	}
	return dst
}

// appendFailedMulti appends the results of a multi that was rolled back.
func appendFailedMulti(dst []byte, r wire.Reader) []byte {
	m := wire.NewMultiTxnReader(r)
	for sub, ok := m.Next(); ok; sub, ok = m.Next() {
		code := wire.OK
		if sub.Type == wire.OpError {
			body := wire.NewReader(sub.Body)
			code = wire.Code(body.Int())
		}
		dst = wire.AppendMultiError(dst, code)
	}
	return wire.AppendMultiEnd(dst)
}
