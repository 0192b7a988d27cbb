package server

import (
	"math"
	"strconv"
)

// appendSrvr answers srvr: the state of the server in nine lines.
func appendSrvr(dst []byte, r *Report) []byte { return appendState(appendVersion(dst, r), r) }

// appendStat answers stat: srvr with the connections between the version and the rest.
func appendStat(dst []byte, r *Report) []byte {
	dst = append(appendVersion(dst, r), "Clients:\n"...)
	for i := range r.Clients {
		dst = append(appendClientBrief(dst, &r.Clients[i]), ")\n"...)
	}
	return appendState(append(dst, '\n'), r)
}

// appendCons answers cons: all that is known about each connection.
func appendCons(dst []byte, r *Report) []byte {
	for i := range r.Clients {
		c := &r.Clients[i]
		dst = appendClientBrief(dst, c)
		if c.SessionID != 0 {
			dst = appendClientSession(dst, c)
		}
		dst = append(dst, ")\n"...)
	}
	return append(dst, '\n')
}

func appendVersion(dst []byte, r *Report) []byte {
	dst = append(dst, "Zookeeper version: "...)
	dst = append(append(dst, r.Version...), '\n')
	if r.ReadOnly {
		dst = append(dst, "READ-ONLY mode; serving only read-only clients\n"...)
	}
	return dst
}

func appendState(dst []byte, r *Report) []byte {
	dst = append(dst, "Latency min/avg/max: "...)
	dst = append(strconv.AppendInt(dst, r.LatencyMin, 10), '/')
	dst = append(appendDecimal(dst, r.LatencyAvg), '/')
	dst = append(strconv.AppendInt(dst, r.LatencyMax, 10), '\n')
	dst = appendLine(dst, "Received: ", r.Received)
	dst = appendLine(dst, "Sent: ", r.Sent)
	dst = appendLine(dst, "Connections: ", r.ConnectionCount)
	dst = appendLine(dst, "Outstanding: ", r.Outstanding)
	dst = append(appendHex(append(dst, "Zxid: "...), r.Zxid), '\n')
	dst = append(append(append(dst, "Mode: "...), r.Mode...), '\n')
	return appendLine(dst, "Node count: ", r.ZnodeCount)
}

// appendClientBrief writes a connection up to the closing parenthesis, which is left to the caller.
func appendClientBrief(dst []byte, c *ClientReport) []byte {
	dst = append(append(dst, " /"...), c.Remote...)
	dst = append(dst, '[')
	dst = strconv.AppendInt(dst, int64(c.Interest), 16)
	dst = appendField(dst, "](queued=", c.Queued)
	dst = appendField(dst, ",recved=", c.Received)
	return appendField(dst, ",sent=", c.Sent)
}

func appendClientSession(dst []byte, c *ClientReport) []byte {
	dst = appendHex(append(dst, ",sid="...), c.SessionID)
	dst = append(append(dst, ",lop="...), c.LastOperation...)
	dst = appendField(dst, ",est=", c.Established)
	dst = appendField(dst, ",to=", c.TimeoutMillis)
	if c.LastCxid >= 0 {
		dst = appendHex(append(dst, ",lcxid="...), c.LastCxid)
	}
	dst = appendHex(append(dst, ",lzxid="...), c.LastZxid)
	dst = appendField(dst, ",lresp=", c.LastResponse)
	dst = appendField(dst, ",llat=", c.LastLatency)
	dst = appendField(dst, ",minlat=", c.MinimumLatency)
	dst = appendField(dst, ",avglat=", c.AverageLatency)
	return appendField(dst, ",maxlat=", c.MaximumLatency)
}

func appendField(dst []byte, label string, n int64) []byte {
	return strconv.AppendInt(append(dst, label...), n, 10)
}

func appendLine(dst []byte, label string, n int64) []byte {
	return append(appendField(dst, label, n), '\n')
}

// appendHex writes n as Java's toHexString does after 0x: unsigned, without leading zeros.
func appendHex(dst []byte, n int64) []byte {
	return strconv.AppendUint(append(dst, "0x"...), uint64(n), 16)
}

// appendDecimal writes f rounded to four places, with at least one digit after the point.
func appendDecimal(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		f = 0
	}
	rounded := math.Round(f*1e4) / 1e4
	dst = strconv.AppendFloat(dst, rounded, 'f', -1, 64)
	if rounded == math.Trunc(rounded) {
		dst = append(dst, ".0"...)
	}
	return dst
}
