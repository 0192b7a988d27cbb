package zkfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/adler32"
	"io"

	"bellwether/engine/wire"
	"bellwether/wal"
)

// A log file; all numbers are big endian:
//
//	header   "ZKLG" | int version 2 | long database 0
//	record   long Adler-32 of the transaction | int length | the transaction | byte 'B'
//	…
//	zeros    to the size that the file was made ready for; may be absent
const (
	logMagic         = "ZKLG"
	logDBID          = 0
	recordHeaderSize = 8 + 4
	recordEnd        = 'B'
	txnZxidAt        = 8 + 4 // of a transaction: behind session and cxid
	logReadBytes     = 256 << 10
)

// Record is one transaction in a log.
type Record struct {
	Zxid   int64
	Txn    []byte // header, body, and digest if there is one; valid until the next record is read
	Path   string // of the file it stands in
	Offset int64  // of its checksum
}

// LogEnd says how a log file ended.
type LogEnd struct {
	Offset int64 // behind the last record
	// Torn says that something stands there which is neither a record nor zeros: the end of a write that a crash cut off.
	// ZooKeeper never acknowledged it.
	Torn bool
	// Discarded says that it looked like a record with a wrong checksum, before which ZooKeeper would refuse to start.
	Discarded bool
}

// logReader reads one log file.
type logReader struct {
	file wal.File
	path string
	size int64
	last bool // there is no later file
	in   io.Reader
	off  int64
	txn  []byte
}

// readLog reads a log file and calls fn for each record. An error of fn's is returned as it is. last says that there is no
// later file: only then can its last record be the one that a crash cut off. hole is Restore.Hole.
func (d *Dir) readLog(path string, last bool, hole func(*DamageError) error, fn func(Record) error) (end LogEnd, err error) {
	file, err := d.fs.Open(path)
	if err != nil {
		return end, fmt.Errorf("zkfile: open %s: %w", path, err)
	}
	defer file.Close()
	l := &logReader{file: file, path: path, last: last}
	if l.size, err = file.Size(); err != nil {
		return end, fmt.Errorf("zkfile: size of %s: %w", path, err)
	}
	if begun, err := l.begin(); err != nil || !begun {
		return LogEnd{Torn: !begun && l.size > 0}, err
	}
	for {
		rec, err := l.next()
		var stop *logStop
		if errors.As(err, &stop) {
			return l.judge(stop, hole)
		}
		if err != nil {
			return end, err
		}
		if err := fn(rec); err != nil {
			return end, err
		}
	}
}

// begin reads the header. The last file may have been created only just before a crash: then there is nothing in it.
func (l *logReader) begin() (begun bool, err error) {
	if l.last {
		blank, err := l.zeros(0, fileHeaderSize)
		if err != nil || blank {
			return false, err
		}
	}
	in := newInput(io.NewSectionReader(l.file, 0, l.size))
	if err := readFileHeader(in, logMagic); err != nil {
		if l.last && l.size < fileHeaderSize {
			return false, nil
		}
		return false, &DamageError{Path: l.path, Problem: problem(err)}
	}
	l.seek(fileHeaderSize)
	return true, nil
}

func (l *logReader) seek(off int64) {
	l.off = off
	l.in = newBuffered(io.NewSectionReader(l.file, off, l.size-off), logReadBytes)
}

// logStop is why a file has no further record where one was looked for.
type logStop struct {
	at       int64
	reason   string
	checksum bool // a record is there, whole, with a wrong checksum
}

func (s *logStop) Error() string { return s.reason }

// next reads the record at off.
func (l *logReader) next() (rec Record, err error) {
	stop := func(reason string) error { return &logStop{at: l.off, reason: reason} }
	var head [recordHeaderSize]byte
	if _, err := io.ReadFull(l.in, head[:]); err != nil {
		return rec, l.orFailed(err, stop("the file ends here"))
	}
	sum := binary.BigEndian.Uint64(head[:])
	size := int(int32(binary.BigEndian.Uint32(head[8:])))
	switch {
	case size == 0:
		return rec, stop("there is no record")
	case size < 0 || size > maxField:
		return rec, &DamageError{Path: l.path, Offset: l.off, Problem: fmt.Sprintf("a record of %d bytes", size)}
	}
	if l.txn, err = readGrowing(l.in, l.txn[:0], size+1); err != nil {
		return rec, l.orFailed(err, stop("the record is cut off by the end of the file"))
	}
	txn := l.txn[:size]
	switch {
	case l.txn[size] != recordEnd:
		return rec, stop("the record has no end mark")
	case sum != uint64(adler32.Checksum(txn)):
		return rec, &logStop{at: l.off, checksum: true,
			reason: fmt.Sprintf("the record's checksum is 0x%08x, but the file says 0x%x", adler32.Checksum(txn), sum)}
	case size < wire.TxnHeaderSize:
		return rec, &DamageError{Path: l.path, Offset: l.off, Problem: fmt.Sprintf("a transaction of %d bytes", size)}
	}
	rec = Record{Zxid: int64(binary.BigEndian.Uint64(txn[txnZxidAt:])), Txn: txn, Path: l.path, Offset: l.off}
	l.off += recordHeaderSize + int64(size) + 1
	return rec, nil
}

// orFailed tells the end of the file from a failure to read it.
func (l *logReader) orFailed(err, atEnd error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return atEnd
	}
	return fmt.Errorf("zkfile: read %s: %w", l.path, err)
}

// judge decides whether the place where the records stop is the end of the log or damage.
//
//	only zeros follow               the end
//	a whole record follows          a hole: damage, unless hole says otherwise
//	else, no end mark               torn: a write that a crash cut off
//	else, a wrong checksum          the same in the last file; in an earlier one damage, as ZooKeeper has it
func (l *logReader) judge(stop *logStop, hole func(*DamageError) error) (LogEnd, error) {
	end := LogEnd{Offset: stop.at}
	if !stop.checksum {
		blank, err := l.zeros(stop.at, l.size)
		if err != nil || blank {
			return end, err
		}
	}
	follows, found, err := l.find(stop.at + 1)
	if err != nil {
		return end, err
	}
	end.Torn, end.Discarded = true, stop.checksum
	damage := &DamageError{Path: l.path, Offset: stop.at, Problem: stop.reason}
	switch {
	case found && stop.checksum:
		damage.Problem += fmt.Sprintf("; whole records follow, the next at byte %d", follows)
		return end, damage
	case found:
		damage.Problem += fmt.Sprintf("; and yet whole records follow, the next at byte %d", follows)
		if hole == nil {
			return end, damage
		}
		return end, hole(damage)
	case stop.checksum && !l.last:
		return end, damage
	}
	return end, nil
}
