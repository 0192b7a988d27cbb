package wire

// Reading over what nobody needs decoded.

func (r *Reader) skipBuffer() {
	if n := r.length(); n > 0 {
		r.pos += n
	}
}

func (r *Reader) skipText() { r.skipBuffer() }

func (r *Reader) skipACLs() {
	for n := r.Count(aclMinSize); n > 0 && r.err == nil; n-- {
		r.Int()
		r.skipText()
		r.skipText()
	}
}
