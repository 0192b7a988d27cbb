package server

import "bellwether/engine/wire"

// LastOperationName is how cons names the operation a connection did last. create2 and its kin are CREA, getChildren2
// is GETC; NA is no operation.
func LastOperationName(op wire.OpCode) string {
	switch op {
	case wire.OpCreateSession:
		return "SESS"
	case wire.OpPing:
		return "PING"
	case wire.OpCreate, wire.OpCreate2, wire.OpCreateContainer, wire.OpCreateTTL:
		return "CREA"
	case wire.OpDelete, wire.OpDeleteContainer:
		return "DELE"
	case wire.OpSetData:
		return "SETD"
	case wire.OpSetACL:
		return "SETA"
	case wire.OpGetACL:
		return "GETA"
	case wire.OpGetData:
		return "GETD"
	case wire.OpGetChildren, wire.OpGetChildren2:
		return "GETC"
	case wire.OpGetAllChildrenNumber:
		return "GETACN"
	case wire.OpExists:
		return "EXIS"
	}
	return lastRareOperation(op)
}

func lastRareOperation(op wire.OpCode) string {
	switch op {
	case wire.OpSync:
		return "SYNC"
	case wire.OpCheck:
		return "CHEC"
	case wire.OpMulti:
		return "MULT"
	case wire.OpMultiRead:
		return "MLTR"
	case wire.OpSetWatches:
		return "SETW"
	case wire.OpSetWatches2:
		return "STW2"
	case wire.OpAddWatch:
		return "ADDW"
	case wire.OpCheckWatches:
		return "CHKW"
	case wire.OpRemoveWatches:
		return "REMW"
	case wire.OpReconfig:
		return "RECO"
	case wire.OpGetEphemerals:
		return "GETE"
	case wire.OpWhoAmI:
		return "HOMI"
	case wire.OpCloseSession:
		return "CLOS"
	}
	return "NA"
}
