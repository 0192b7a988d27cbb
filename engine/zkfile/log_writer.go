package zkfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/adler32"
	"os"
	"path/filepath"

	"bellwether/engine/wire"
	"bellwether/wal"
)

// LogWriter writes transactions as ZooKeeper's log files, each named after its first transaction. The files have no
// padding, which every version reads. Not safe for concurrent use. The first error is final.
type LogWriter struct {
	fs    wal.FS
	dir   string
	limit int64

	file wal.File // nil before the first transaction
	path string
	off  int64  // bytes written to file
	buf  []byte // and to be written behind them
	last int64  // zxid
	err  error
	new  bool // the file's name is not durable yet
}

// NewLogWriter returns a writer into a directory. A file that has limitBytes is followed by another; 0 is no limit.
func NewLogWriter(fs wal.FS, dir string, limitBytes int64) *LogWriter {
	return &LogWriter{fs: fs, dir: dir, limit: limitBytes}
}

// logBufferBytes are gathered before they are written.
const logBufferBytes = 256 << 10

// Append puts a transaction, header and all, behind the others. Its zxid must be greater than theirs: else it is not
// taken, and the error matches ErrOrder. It keeps no reference. Durable is what Sync has returned for.
func (w *LogWriter) Append(txn []byte) error {
	if w.err != nil {
		return w.err
	}
	if len(txn) < wire.TxnHeaderSize || len(txn) > maxField {
		return fmt.Errorf("zkfile: append to the log: a transaction of %d bytes", len(txn))
	}
	zxid := int64(binary.BigEndian.Uint64(txn[txnZxidAt:]))
	if uint64(zxid) <= uint64(w.last) {
		return fmt.Errorf("%w: 0x%x after 0x%x", ErrOrder, zxid, w.last)
	}
	if w.file != nil && w.limit > 0 && w.off+int64(len(w.buf)) >= w.limit {
		w.closeFile()
	}
	if w.file == nil {
		w.create(zxid)
	}
	w.buf = wire.AppendLong(w.buf, int64(adler32.Checksum(txn)))
	w.buf = wire.AppendBuffer(w.buf, txn)
	w.buf = append(w.buf, recordEnd)
	w.last = zxid
	if len(w.buf) >= logBufferBytes {
		w.flush()
	}
	return w.err
}

// create begins the file of the transaction zxid. One that is there already is not touched.
func (w *LogWriter) create(zxid int64) {
	if w.err != nil {
		return
	}
	w.path = filepath.Join(w.dir, logName(zxid))
	there, err := w.fs.Open(w.path)
	if err == nil {
		_ = there.Close()
		err = os.ErrExist
	} else if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	var file wal.File
	if err == nil {
		file, err = w.fs.Create(w.path)
	}
	if err != nil {
		w.err = fmt.Errorf("zkfile: create %s: %w", w.path, err)
		return
	}
	w.file, w.off, w.new = file, 0, true
	w.buf = appendFileHeader(w.buf[:0], logMagic, logDBID)
}

// flush writes what has gathered.
func (w *LogWriter) flush() {
	if w.err != nil || len(w.buf) == 0 {
		return
	}
	n, err := w.file.WriteAt(w.buf, w.off)
	w.off += int64(n)
	w.buf = w.buf[:0]
	w.fail(err)
}

func (w *LogWriter) fail(err error) {
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("zkfile: write %s: %w", w.path, err)
	}
}

// Sync makes everything appended durable.
func (w *LogWriter) Sync() error {
	if w.flush(); w.err == nil && w.file != nil {
		w.fail(w.file.Sync())
	}
	if w.err == nil && w.new {
		w.fail(w.fs.SyncDir(w.dir))
		w.new = false
	}
	return w.err
}

// closeFile makes the file durable and ends it.
func (w *LogWriter) closeFile() {
	if w.file == nil {
		return
	}
	_ = w.Sync()
	w.fail(w.file.Close())
	w.file = nil
}

var errLogClosed = errors.New("zkfile: the log is closed")

// Close makes everything appended durable and ends the log.
func (w *LogWriter) Close() error {
	w.closeFile()
	err := w.err
	if w.err == nil {
		w.err = errLogClosed
	}
	if err == errLogClosed {
		return nil
	}
	return err
}
