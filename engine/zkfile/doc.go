// Package zkfile reads and writes the files in which Apache ZooKeeper keeps its data, of versions 3.5 to 3.9: so that a
// server can be moved here and back.
//
//	dataDir/version-2/snapshot.0                  the tree and the sessions at a zxid, or somewhat later
//	                  snapshot.10000002a.gz       the zxid is the name; .gz and .snappy are packed
//	                  acceptedEpoch currentEpoch  decimal numbers
//	dataLogDir/version-2/log.1                    transactions; the name is the zxid of the first
//	                     log.100000001
//
//	Open ──► Dir ── Restore ──► Begin(snapshot) ──► Sink: AddSession… AddZnode… ──► Ready ──► Txn Txn Txn …
//	                               ▲      │
//	                               └──────┘ the one before it, if this one is damaged
//
//	State ──► WriteSnapshot, WriteBody        transactions ──► LogWriter        WriteEpochs
//	znodes in any order, of a state that goes on ──► Arranger ──► a body
//
// The formats are drawn where they are read: snapshot_reader.go, body.go, log_reader.go, compress.go.
//
// # Promises
//
//   - What a server has written is read completely: snapshots of all three generations, plain, gz and snappy, and logs with
//     or without their padding. What a server wrote while it went on changing the tree comes out as it was in the end,
//     from every snapshot that the logs reach back to, if transactions are applied by the rules of a replay.
//   - What is written here is read by servers of version 3.5 and later (packed snapshots: 3.6), with every checksum and digest
//     right. Bytes of transactions stay as they are.
//   - Damage is an error that names file, byte and reason. Nothing is left out in silence: not a record in the middle of a
//     log, not one between two logs, not one between a snapshot and the logs. Only what a crash may have cut off, the end
//     of the last log, is passed over; LogEnd says so. log_reader.go has the rule.
//   - A snapshot is complete or not there, whenever the machine stops while it is written; LogWriter has whatever Sync has
//     returned for.
//   - Reading changes nothing in the directory. Nothing is allocated by a length that a file claims.
//
// # Rules for callers
//
//   - A snapshot is not of one moment: transactions behind its zxid may be in it, in part. So Restored.Txns are to be applied
//     by the rules of a replay, as packages tree and replica do, and TreeDigest fits the digests of transactions only
//     behind SnapshotInfo.DigestZxid.
//   - What Record and Znode refer to is used again; whoever keeps it copies it.
//   - Nothing may change a tree while WriteSnapshot, WriteBody or TreeDigest walks over it.
//   - A directory that a server is using must not be written to, and what is read from one may be torn: stop it first. Nothing
//     tells, for ZooKeeper locks nothing.
//   - Nothing here is safe for concurrent use, except on different directories.
//
// # What there is not
//
// The dynamic configuration files; files of versions before 3.5, except that their logs are read without a snapshot on
// request; the padding of logs, which readers do not need.
//
// # Where to read next
//
// restore.go for the whole of it; then body.go, which is also what travels over links between servers, and log_reader.go.
// On the way out: snapshot_writer.go, body_writer.go, arranger.go, log_writer.go.
// recorded_test.go and interop_test.go say what real servers have to say about all this.
package zkfile
