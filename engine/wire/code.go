package wire

import "strconv"

// Code is the answer to a request: OK or the reason of a refusal. It stands in the reply header, in the results of a
// multi and in error transactions. A Code is an answer, not a failure: it deliberately is no Go error.
type Code int32

// The codes of the protocol. Clients refuse numbers that are not listed here.
const (
	OK                           Code = 0  // in the results of a failed multi: rolled back
	SystemError                  Code = -1 // never sent
	RuntimeInconsistency         Code = -2 // in a failed multi: an operation behind the failing one
	DataInconsistency            Code = -3 // never sent
	ConnectionLoss               Code = -4 // made by clients
	MarshallingError             Code = -5
	Unimplemented                Code = -6
	OperationTimeout             Code = -7 // made by clients
	BadArguments                 Code = -8
	InvalidState                 Code = -9  // made by clients
	UnknownSession               Code = -12 // between servers
	NewConfigNoQuorum            Code = -13
	ReconfigInProgress           Code = -14
	APIError                     Code = -100 // a boundary, never sent
	NoNode                       Code = -101
	NoAuth                       Code = -102
	BadVersion                   Code = -103
	NoChildrenForEphemerals      Code = -108
	NodeExists                   Code = -110
	NotEmpty                     Code = -111
	SessionExpired               Code = -112
	InvalidCallback              Code = -113 // made by clients
	InvalidACL                   Code = -114
	AuthFailed                   Code = -115
	SessionMoved                 Code = -118 // never sent: the connection is closed instead
	NotReadOnly                  Code = -119
	EphemeralOnLocalSession      Code = -120
	NoWatcher                    Code = -121
	RequestTimeout               Code = -122 // made by clients
	ReconfigDisabled             Code = -123
	SessionClosedRequireSaslAuth Code = -124
	QuotaExceeded                Code = -125
	ThrottledOp                  Code = -127
)

// String gives the name under which Apache ZooKeeper documents the code, or code(n) for a number that has none.
func (c Code) String() string {
	if name, ok := codeNames[c]; ok {
		return name
	}
	return "code(" + strconv.Itoa(int(c)) + ")"
}

var codeNames = map[Code]string{
	OK:                           "OK",
	SystemError:                  "SYSTEMERROR",
	RuntimeInconsistency:         "RUNTIMEINCONSISTENCY",
	DataInconsistency:            "DATAINCONSISTENCY",
	ConnectionLoss:               "CONNECTIONLOSS",
	MarshallingError:             "MARSHALLINGERROR",
	Unimplemented:                "UNIMPLEMENTED",
	OperationTimeout:             "OPERATIONTIMEOUT",
	BadArguments:                 "BADARGUMENTS",
	InvalidState:                 "INVALIDSTATE",
	UnknownSession:               "UNKNOWNSESSION",
	NewConfigNoQuorum:            "NEWCONFIGNOQUORUM",
	ReconfigInProgress:           "RECONFIGINPROGRESS",
	APIError:                     "APIERROR",
	NoNode:                       "NONODE",
	NoAuth:                       "NOAUTH",
	BadVersion:                   "BADVERSION",
	NoChildrenForEphemerals:      "NOCHILDRENFOREPHEMERALS",
	NodeExists:                   "NODEEXISTS",
	NotEmpty:                     "NOTEMPTY",
	SessionExpired:               "SESSIONEXPIRED",
	InvalidCallback:              "INVALIDCALLBACK",
	InvalidACL:                   "INVALIDACL",
	AuthFailed:                   "AUTHFAILED",
	SessionMoved:                 "SESSIONMOVED",
	NotReadOnly:                  "NOTREADONLY",
	EphemeralOnLocalSession:      "EPHEMERALONLOCALSESSION",
	NoWatcher:                    "NOWATCHER",
	RequestTimeout:               "REQUESTTIMEOUT",
	ReconfigDisabled:             "RECONFIGDISABLED",
	SessionClosedRequireSaslAuth: "SESSIONCLOSEDREQUIRESASLAUTH",
	QuotaExceeded:                "QUOTAEXCEEDED",
	ThrottledOp:                  "THROTTLEDOP",
}
