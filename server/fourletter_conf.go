package server

// appendConf answers conf: the configuration in force, in the form of a server without an ensemble.
func appendConf(dst []byte, r *Report) []byte {
	c := r.Config
	shortest, longest := c.SessionTimeouts()
	dst = appendLine(dst, "clientPort=", int64(r.ClientPort))
	dst = append(dst, "secureClientPort=-1\n"...)
	dst = append(append(append(dst, "dataDir="...), r.Directories.Data...), '\n')
	dst = appendLine(dst, "dataDirSize=", r.Directories.DataBytes)
	dst = append(append(append(dst, "dataLogDir="...), r.Directories.Log...), '\n')
	dst = appendLine(dst, "dataLogSize=", r.Directories.LogBytes)
	dst = appendLine(dst, "tickTime=", c.TickTime.Milliseconds())
	dst = appendLine(dst, "maxClientCnxns=", int64(c.MaxClientCnxns))
	dst = appendLine(dst, "minSessionTimeout=", shortest.Milliseconds())
	dst = appendLine(dst, "maxSessionTimeout=", longest.Milliseconds())
	dst = appendLine(dst, "clientPortListenBacklog=", int64(c.ClientPortListenBacklog))
	return appendLine(dst, "serverId=", c.Ensemble.ServerID)
}

// appendDirs answers dirs. (Apache 3.8.0 has the two meanings swapped.)
func appendDirs(dst []byte, r *Report) []byte {
	dst = appendLine(dst, "datadir_size: ", r.Directories.DataBytes)
	return appendLine(dst, "logdir_size: ", r.Directories.LogBytes)
}

// appendEnvi answers envi, of which kazoo reads zookeeper.version.
func appendEnvi(dst []byte, r *Report) []byte {
	dst = append(dst, "Environment:\nzookeeper.version="...)
	dst = append(append(dst, r.Version...), '\n')
	for i := range r.Environment {
		e := &r.Environment[i]
		dst = append(append(append(dst, e.Key...), '='), e.Value...)
		dst = append(dst, '\n')
	}
	return dst
}

// appendWchs answers wchs. The last line has no blank after its colon.
func appendWchs(dst []byte, r *Report) []byte {
	w := &r.Watches
	dst = appendField(dst, "", w.Connections)
	dst = appendField(dst, " connections watching ", w.Paths)
	dst = append(dst, " paths\n"...)
	return appendLine(dst, "Total watches:", w.Total)
}
