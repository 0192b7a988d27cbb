package wire

import (
	"encoding/binary"
	"slices"
)

// The Append functions write one jute value behind dst and return the longer slice. They keep no reference to what they
// are given and allocate only when dst has no room.

// AppendByte appends one byte.
func AppendByte(dst []byte, v byte) []byte { return append(dst, v) }

// AppendBool appends a boolean: 0 or 1.
func AppendBool(dst []byte, v bool) []byte {
	var b byte
	if v {
		b = 1
	}
	return append(dst, b)
}

// AppendInt appends four bytes, big endian.
func AppendInt(dst []byte, v int32) []byte { return binary.BigEndian.AppendUint32(dst, uint32(v)) }

// AppendLong appends eight bytes, big endian.
func AppendLong(dst []byte, v int64) []byte { return binary.BigEndian.AppendUint64(dst, uint64(v)) }

// AppendBuffer appends a buffer: its length and bytes, or -1 when v is nil.
func AppendBuffer(dst []byte, v []byte) []byte {
	if v == nil {
		return appendNull(dst)
	}
	return append(AppendInt(dst, int32(len(v))), v...)
}

// AppendString appends a string: its length and bytes.
func AppendString(dst []byte, v string) []byte {
	return append(AppendInt(dst, int32(len(v))), v...)
}

// AppendNullableString appends v, or null.
func AppendNullableString(dst []byte, v string, null bool) []byte {
	if null {
		return appendNull(dst)
	}
	return AppendString(dst, v)
}

// AppendStrings appends a vector of strings: -1 when v is nil.
func AppendStrings(dst []byte, v []string) []byte {
	if v == nil {
		return appendNull(dst)
	}
	dst = AppendInt(dst, int32(len(v)))
	for _, s := range v {
		dst = AppendString(dst, s)
	}
	return dst
}

func appendNull(dst []byte) []byte { return append(dst, 0xFF, 0xFF, 0xFF, 0xFF) }

// extend makes dst n bytes longer. The new bytes are garbage that the caller overwrites.
func extend(dst []byte, n int) []byte { return slices.Grow(dst, n)[:len(dst)+n] }
