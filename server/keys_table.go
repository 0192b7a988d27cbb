package server

import "time"

// Why a key has no effect. Each is the end of a sentence that begins "… is not honoured: ".
const (
	whyAlone    = "it concerns the other servers of an ensemble, and this build serves as an ensemble of one"
	whyTLS      = "this build speaks no TLS"
	whyJava     = "it tunes threads, buffers or caches of the Java server, and nothing here corresponds to it"
	whyAuth     = "this build has no such way to authenticate"
	whyAdmin    = "this build has no admin HTTP server; the four-letter words tell the same"
	whyMetrics  = "this build has no metrics endpoint; the four-letter word mntr has the figures"
	whyThrottle = "this build does not throttle so; globalOutstandingLimit, maxClientCnxns and maxCnxns are its limits"
	whySync     = "a write is acknowledged after it is on disk, always"
	whyGroup    = "group commit has no timer and no count here: what arrives during one sync is the next group"
	whyFormat   = "it is about Apache's files, and this server has a format of its own"
	whyPurge    = "old snapshots and logs are purged whenever a snapshot is taken; autopurge.snapRetainCount says how many stay"
	whyLocal    = "all sessions are global in an ensemble of one"
	whyQuota    = "this build does not enforce quotas"
	whyBacklog  = "the queue of connections to accept is as long as the kernel allows (net.core.somaxconn)"
	whyLogging  = "logging is set by --log-format and --log-level"
	whyContain  = "this build does not remove empty containers by itself"
	whyAudit    = "this build writes no audit log"
)

// keyTable holds every key of a zoo.cfg and every Java system property that Apache ZooKeeper reads, in its groups:
// addresses and directories, sessions, limits, storage, rights, ensemble, TLS, administration, and what belongs to
// Java. A key with a set function and no reason is honoured; one with a reason is named once at start, unless its
// value is the one in same.
var keyTable = []keySpec{
	// Addresses and directories.
	{name: "clientPort", kind: number, max: 65535, set: setInt(func(c *Config) *int { return &c.ClientPort })},
	{name: "clientPortAddress", set: setText(func(c *Config) *string { return &c.ClientPortAddress })},
	{name: "clientPortListenBacklog", kind: number, def: "-1", same: "-1", why: whyBacklog,
		set: setInt(func(c *Config) *int { return &c.ClientPortListenBacklog })},
	{name: "clientTcpKeepAlive", home: systemProperty, kind: trueFalse, def: "false",
		set: setBool(func(c *Config) *bool { return &c.ClientTCPKeepAlive })},
	{name: "dataDir", set: setText(func(c *Config) *string { return &c.DataDir })},
	{name: "dataLogDir", def: "the same as dataDir", set: setText(func(c *Config) *string { return &c.DataLogDir })},

	// Time and sessions.
	{name: "tickTime", kind: milliseconds, min: 1, max: int64(maxTickTime / time.Millisecond), def: "3000",
		set: setDuration(func(c *Config) *time.Duration { return &c.TickTime })},
	{name: "minSessionTimeout", kind: milliseconds, min: -1, max: 1<<31 - 1, def: "2 ticks",
		set: setSessionTimeout(func(c *Config) *time.Duration { return &c.MinSessionTimeout })},
	{name: "maxSessionTimeout", kind: milliseconds, min: -1, max: 1<<31 - 1, def: "20 ticks",
		set: setSessionTimeout(func(c *Config) *time.Duration { return &c.MaxSessionTimeout })},
	{name: "nio.sessionlessCnxnTimeout", home: systemProperty, kind: milliseconds, min: 1, max: 1<<31 - 1, def: "10000",
		set: setDuration(func(c *Config) *time.Duration { return &c.SessionlessTimeout })},
	{name: "localSessionsEnabled", kind: trueFalse, def: "false", same: "false", why: whyLocal},
	{name: "localSessionsUpgradingEnabled", kind: trueFalse, def: "false", same: "false", why: whyLocal},
	{name: "closeSessionTxn.enabled", home: systemProperty, kind: trueFalse, def: "true", same: "true", why: whyFormat},

	// Limits.
	{name: "maxClientCnxns", kind: number, min: -1, max: 1<<31 - 1, def: "60",
		set: setLimit(func(c *Config) *int { return &c.MaxClientCnxns })},
	{name: "maxCnxns", home: systemProperty, kind: number, min: -1, max: 1<<31 - 1, def: "0",
		set: setLimit(func(c *Config) *int { return &c.MaxCnxns })},
	{name: "globalOutstandingLimit", home: systemProperty, kind: number, min: 1, max: 1<<31 - 1, def: "this server's own, larger limit",
		set: setInt(func(c *Config) *int { return &c.GlobalOutstandingLimit })},
	{name: "jute.maxbuffer", home: bareProperty, kind: javaNumber, min: 1024, max: maxSegmentBytes / 2, def: "1048575",
		set: setInt(func(c *Config) *int { return &c.JuteMaxBufferBytes })},
	{name: "jute.maxbuffer.extrasize", home: systemProperty, why: whyJava},
	{name: "largeRequestMaxBytes", home: systemProperty, why: whyThrottle},
	{name: "largeRequestThreshold", home: systemProperty, same: "-1", why: whyThrottle},
	{name: "request_throttle_max_requests", home: systemProperty, same: "0", why: whyThrottle},
	{name: "request_throttle_stall_time", home: systemProperty, why: whyThrottle},
	{name: "request_throttle_drop_stale", home: systemProperty, why: whyThrottle},
	{name: "request_stale_latency_check", home: systemProperty, same: "false", why: whyThrottle},
	{name: "request_stale_connection_check", home: systemProperty, why: whyThrottle},
	{name: "request_throttler.shutdownTimeout", home: systemProperty, why: whyThrottle},
	{name: "throttled_op_wait_time", home: systemProperty, same: "0", why: whyThrottle},
	{name: "connection_throttle_tokens", home: systemProperty, same: "0", why: whyThrottle},
	{name: "connection_throttle_fill_time", home: systemProperty, why: whyThrottle},
	{name: "connection_throttle_fill_count", home: systemProperty, why: whyThrottle},
	{name: "connection_throttle_freeze_time", home: systemProperty, why: whyThrottle},
	{name: "connection_throttle_drop_increase", home: systemProperty, why: whyThrottle},
	{name: "connection_throttle_drop_decrease", home: systemProperty, why: whyThrottle},
	{name: "connection_throttle_decrease_ratio", home: systemProperty, why: whyThrottle},
	{name: "connection_throttle_weight_enabled", home: systemProperty, same: "false", why: whyThrottle},
	{name: "connection_throttle_global_session_weight", home: systemProperty, why: whyThrottle},
	{name: "connection_throttle_renew_session_weight", home: systemProperty, why: whyThrottle},
	{name: "connection_throttle_local_session_weight", home: systemProperty, why: whyThrottle},

	// The log and the snapshots.
	{name: "snapCount", home: systemProperty, kind: number, min: 2, max: 1<<31 - 1, def: "100000",
		set: setInt(func(c *Config) *int { return &c.SnapCount })},
	{name: "preAllocSize", home: systemProperty, kind: kilobytes, min: 1, max: maxSegmentBytes >> 10, def: "65536",
		set: func(c *Config, _ string, v keyValue) error { c.PreAllocBytes = v.number << 10; return nil }},
	{name: "fsync.warningthresholdms", home: systemProperty, kind: milliseconds, min: 1, max: 1<<31 - 1, def: "1000",
		set: setDuration(func(c *Config) *time.Duration { return &c.FsyncWarningThreshold })},
	{name: "autopurge.snapRetainCount", kind: number, def: "3", set: setSnapRetainCount},
	{name: "autopurge.purgeInterval", def: "0", why: whyPurge},
	{name: "forceSync", home: systemProperty, def: "yes", same: "yes", why: whySync},
	{name: "flushDelay", home: systemProperty, def: "0", same: "0", why: whyGroup},
	{name: "maxWriteQueuePollTime", home: systemProperty, why: whyGroup},
	{name: "maxBatchSize", home: systemProperty, why: whyGroup},
	{name: "snapSizeLimitInKb", home: systemProperty, why: "snapshots are taken by count, see snapCount"},
	{name: "txnLogSizeLimitInKb", home: systemProperty, same: "-1", why: "the size of a log segment is preAllocSize"},
	{name: "snapshot.compression.method", home: systemProperty, why: whyFormat},
	{name: "snapshot.trust.empty", home: systemProperty, same: "false", why: whyFormat},
	{name: "snapshotSizeFactor", home: systemProperty, why: whyAlone},
	{name: "datadir.autocreate", home: systemProperty, same: "true", why: "the data directory is created where it is missing"},
	{name: "db.autocreate", home: systemProperty, same: "true", why: "an empty data directory is an empty database"},
	{name: "digest.enabled", home: systemProperty, why: whyFormat},
	{name: "serializeLastProcessedZxid.enabled", home: systemProperty, why: whyFormat},

	// Rights, and what may be asked.
	{name: "4lw.commands.whitelist", home: systemProperty, def: "the harmless ones", set: setWhitelist},
	{name: "skipACL", home: systemProperty, kind: yesNo, def: "no",
		set: setBool(func(c *Config) *bool { return &c.SkipACL })},
	{name: "enableEagerACLCheck", home: systemProperty, same: "false", why: whyAlone},
	{name: "extendedTypesEnabled", home: systemProperty, kind: trueFalse, def: "false",
		set: setBool(func(c *Config) *bool { return &c.ExtendedTypes })},
	{name: "emulate353TTLNodes", home: systemProperty, same: "false", why: whyFormat},
	{name: "enforceQuota", home: systemProperty, same: "false", why: whyQuota},
	{name: "znode.container.checkIntervalMs", home: bareProperty, why: whyContain},
	{name: "znode.container.maxPerMinute", home: bareProperty, why: whyContain},
	{name: "znode.container.maxNeverUsedIntervalMs", home: bareProperty, why: whyContain},
	{name: "DigestAuthenticationProvider.superDigest", home: systemProperty,
		set: setText(func(c *Config) *string { return &c.SuperDigest })},
	{name: "DigestAuthenticationProvider.enabled", home: systemProperty, same: "true", why: "the scheme digest is always there"},
	{name: "DigestAuthenticationProvider.digestAlg", home: systemProperty, same: "SHA1", why: "a digest is SHA1's, as clients compute it"},
	{name: "X509AuthenticationProvider.superUser", home: systemProperty, why: whyAuth},
	{name: "SASLAuthenticationProvider.superPassword", home: systemProperty, why: whyAuth},
	{name: "IPAuthenticationProvider.usexforwardedfor", home: systemProperty, same: "false", why: whyAdmin},
	{name: "authProvider.*", home: systemProperty, why: whyAuth},
	{name: "superUser", home: systemProperty, why: whyAuth},
	{name: "superUser.*", home: systemProperty, why: whyAuth},
	{name: "letAnySaslUserDoX", home: systemProperty, why: whyAuth},
	{name: "allowSaslFailedClients", home: systemProperty, why: whyAuth},
	{name: "sasl.serverconfig", home: systemProperty, why: whyAuth},
	{name: "kerberos.*", home: systemProperty, why: whyAuth},
	{name: "security.auth_to_local", home: systemProperty, why: whyAuth},
	{name: "java.security.auth.login.config", home: bareProperty, why: whyAuth},
	{name: "enforce.auth.enabled", home: systemProperty, same: "false", why: whyAuth},
	{name: "enforce.auth.schemes", home: systemProperty, why: whyAuth},
	{name: "sessionRequireClientSASLAuth", home: systemProperty, same: "false", why: whyAuth},
	{name: "ensembleAuthName", home: systemProperty, why: whyAuth},

	// The ensemble. What is stored is read and checked; Config.refuseFellows says what is made of it.
	{name: "server.*", set: setMember},
	{name: "group.*", set: setGroup},
	{name: "weight.*", set: setWeight},
	{name: "dynamicConfigFile", set: setText(func(c *Config) *string { return &c.Ensemble.DynamicConfigFile })},
	{name: "initLimit", kind: number, min: 0, max: 1<<31 - 1,
		set: setInt(func(c *Config) *int { return &c.Ensemble.InitLimitTicks })},
	{name: "syncLimit", kind: number, min: 0, max: 1<<31 - 1,
		set: setInt(func(c *Config) *int { return &c.Ensemble.SyncLimitTicks })},
	{name: "electionAlg", kind: number, min: 3, max: 3, def: "3",
		set: setInt(func(c *Config) *int { return &c.Ensemble.ElectionAlg })},
	{name: "peerType", def: "participant", set: setPeerType},
	{name: "standaloneEnabled", kind: trueFalse, def: "true",
		set: setBool(func(c *Config) *bool { return &c.Ensemble.StandaloneEnabled })},
	{name: "quorumListenOnAllIPs", kind: trueFalse, def: "false",
		set: setBool(func(c *Config) *bool { return &c.Ensemble.QuorumListenOnAll })},
	{name: "commitLogCount", home: systemProperty, kind: number, min: 1, max: 1<<31 - 1, def: "500",
		set: setInt(func(c *Config) *int { return &c.Ensemble.CommitLogCount })},
	{name: "cnxTimeout", home: systemProperty, kind: milliseconds, min: 1, max: 1<<31 - 1, def: "5000",
		set: setDuration(func(c *Config) *time.Duration { return &c.Ensemble.CnxTimeout })},
	{name: "reconfigEnabled", kind: trueFalse, def: "false", same: "false", why: whyAlone},
	{name: "syncEnabled", kind: trueFalse, def: "true", same: "true", why: whySync},
	{name: "connectToLearnerMasterLimit", kind: number, why: whyAlone},
	{name: "observerMasterPort", kind: number, why: whyAlone},
	{name: "oraclePath", why: whyAlone},
	{name: "readonlymode.enabled", home: bareProperty, same: "false", why: whyAlone},
	{name: "multiAddress.enabled", kind: trueFalse, def: "false", same: "false", why: whyAlone},
	{name: "multiAddress.reachabilityCheckEnabled", kind: trueFalse, def: "true", why: whyAlone},
	{name: "multiAddress.reachabilityCheckTimeoutMs", kind: number, def: "1000", why: whyAlone},
	{name: "quorum.auth.enableSasl", kind: trueFalse, def: "false", same: "false", why: whyAlone},
	{name: "quorum.auth.serverRequireSasl", kind: trueFalse, def: "false", same: "false", why: whyAlone},
	{name: "quorum.auth.learnerRequireSasl", kind: trueFalse, def: "false", same: "false", why: whyAlone},
	{name: "quorum.auth.learner.saslLoginContext", why: whyAlone},
	{name: "quorum.auth.server.saslLoginContext", why: whyAlone},
	{name: "quorum.auth.kerberos.servicePrincipal", why: whyAlone},
	{name: "quorum.cnxn.threads.size", kind: number, def: "20", why: whyAlone},
	{name: "leaderServes", home: systemProperty, same: "yes", why: whyAlone},
	{name: "leader.*", home: systemProperty, why: whyAlone},
	{name: "learner.*", home: systemProperty, why: whyAlone},
	{name: "observer.*", home: systemProperty, why: whyAlone},
	{name: "fastleader.*", home: systemProperty, why: whyAlone},
	{name: "quorumCnxnTimeoutMs", home: systemProperty, why: whyAlone},
	{name: "tcpKeepAlive", home: systemProperty, why: whyAlone},
	{name: "electionPortBindRetry", home: systemProperty, why: whyAlone},
	{name: "follower.*", home: systemProperty, why: whyAlone},
	{name: "forward_learner_requests_to_commit_processor_disabled", home: systemProperty, why: whyAlone},

	// TLS.
	{name: "secureClientPort", kind: number, max: 65535, why: whyTLS},
	{name: "secureClientPortAddress", why: whyTLS},
	{name: "sslQuorum", kind: trueFalse, def: "false", same: "false", why: whyTLS},
	{name: "portUnification", kind: trueFalse, def: "false", same: "false", why: whyTLS},
	{name: "sslQuorumReloadCertFiles", kind: trueFalse, def: "false", same: "false", why: whyTLS},
	{name: "ssl.*", home: systemProperty, why: whyTLS},
	{name: "ssl.quorum.*", home: systemProperty, why: whyTLS},
	{name: "client.portUnification", home: systemProperty, same: "false", why: whyTLS},
	{name: "client.certReload", home: systemProperty, same: "false", why: whyTLS},
	{name: "fips-mode", home: systemProperty, why: whyTLS},

	// Administration.
	{name: "admin.enableServer", home: systemProperty, same: "false", why: whyAdmin},
	{name: "admin.*", home: systemProperty, why: whyAdmin},
	{name: "metricsProvider.className", why: whyMetrics},
	{name: "metricsProvider.*", why: whyMetrics},
	{name: "audit.enable", home: systemProperty, same: "false", why: whyAudit},
	{name: "audit.impl.class", home: systemProperty, why: whyAudit},
	{name: "pathStats.*", home: systemProperty, why: whyMetrics},
	{name: "log.dir", home: systemProperty, why: whyLogging},
	{name: "log.file", home: systemProperty, why: whyLogging},
	{name: "log.threshold", home: systemProperty, why: whyLogging},
	{name: "root.logger", home: systemProperty, why: whyLogging},
	{name: "console.threshold", home: systemProperty, why: whyLogging},
	{name: "tracelog.*", home: systemProperty, why: whyLogging},

	// Java.
	{name: "serverCnxnFactory", home: systemProperty, why: whyJava},
	{name: "nio.numSelectorThreads", home: systemProperty, why: whyJava},
	{name: "nio.numWorkerThreads", home: systemProperty, why: whyJava},
	{name: "nio.directBufferBytes", home: systemProperty, why: whyJava},
	{name: "nio.shutdownTimeout", home: systemProperty, why: whyJava},
	{name: "netty.*", home: systemProperty, why: whyJava},
	{name: "commitProcessor.*", home: systemProperty, why: whyJava},
	{name: "maxResponseCacheSize", home: systemProperty, why: whyJava},
	{name: "maxGetChildrenResponseCacheSize", home: systemProperty, why: whyJava},
	{name: "intBufferStartingSizeBytes", home: systemProperty, why: whyJava},
	{name: "watchManagerName", home: systemProperty, why: whyJava},
	{name: "watcherCleanThreadsNum", home: systemProperty, why: whyJava},
	{name: "watcherCleanThreshold", home: systemProperty, why: whyJava},
	{name: "watcherCleanIntervalInSeconds", home: systemProperty, why: whyJava},
	{name: "maxInProcessingDeadWatchers", home: systemProperty, why: whyJava},
	{name: "bitHashCacheSize", home: systemProperty, why: whyJava},
	{name: "jmx.*", home: systemProperty, why: whyJava},
	{name: "jvm.pause.monitor", kind: trueFalse, def: "false", same: "false", why: whyJava},
	{name: "jvm.pause.warn-threshold.ms", kind: number, def: "10000", why: whyJava},
	{name: "jvm.pause.info-threshold.ms", kind: number, def: "1000", why: whyJava},
	{name: "jvm.pause.sleep.time.ms", kind: number, def: "500", why: whyJava},
}

// maxTickTime keeps twenty ticks within the 31 bits of milliseconds a session timeout has on the wire.
const maxTickTime = time.Hour
