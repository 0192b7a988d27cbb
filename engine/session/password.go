package session

import "crypto/subtle"

// PasswordSize is the length in bytes of every session password.
const PasswordSize = 16

// The constants of the derivation: what ZooKeeper mixes into the id, and the linear congruential generator of
// java.util.Random (multiplier, increment, 48 bits of state).
const (
	passwordSalt  = 0xB3415C00
	lcgMultiplier = 0x5DEECE66D
	lcgIncrement  = 0xB
	lcgMask       = 1<<48 - 1
)

// Password returns the password of a session: a pure function of its id, byte for byte ZooKeeper's, so that any
// server of a mixed ensemble can check it and none needs to store or send it. It follows that a password is no
// secret to whoever knows the id and the algorithm; it guards against mistakes, not against attackers.
//
// The bytes are those of nextBytes of a java.util.Random seeded with id XOR 0xB3415C00: four 32-bit outputs, each
// laid down least significant byte first.
func Password(id int64) [PasswordSize]byte {
	var password [PasswordSize]byte
	state := (uint64(id) ^ passwordSalt ^ lcgMultiplier) & lcgMask
	for i := 0; i < PasswordSize; i += 4 {
		state = (state*lcgMultiplier + lcgIncrement) & lcgMask
		word := uint32(state >> 16)
		password[i], password[i+1], password[i+2], password[i+3] = byte(word), byte(word>>8), byte(word>>16), byte(word>>24)
	}
	return password
}

// CheckPassword reports whether password is the one of session id. The id 0 stands for "no session" on the wire and
// never validates; neither does a password of any length but PasswordSize, nil included.
func CheckPassword(id int64, password []byte) bool {
	want := Password(id)
	return id != 0 && subtle.ConstantTimeCompare(password, want[:]) == 1
}
