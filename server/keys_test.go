package server

import (
	"reflect"
	"strings"
	"testing"
)

// Every key is honoured, or says why it is not.
func TestEveryKeyIsHonouredOrSaysWhy(t *testing.T) {
	for i := range keyTable {
		k := &keyTable[i]
		if k.set == nil && k.why == "" {
			t.Errorf("%s has neither an effect nor a reason", k.name)
		}
		if k.same != "" && k.why == "" {
			t.Errorf("%s is honoured, so no value of it needs an excuse", k.name)
		}
		if strings.HasPrefix(k.name, propertyPrefix) {
			t.Errorf("%s stands in the table with its prefix", k.name)
		}
	}
	if len(keysByName) != len(keyTable) {
		t.Errorf("%d names for %d keys: one stands twice", len(keysByName), len(keyTable))
	}
}

// A key's default in the table is what a file that leaves it out gets.
func TestTheTablesDefaultsAreThoseOfAFile(t *testing.T) {
	for i := range keyTable {
		k := &keyTable[i]
		if k.set == nil || k.def == "" || strings.Contains(k.def, " ") { // "the same as dataDir" is prose
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			c, notices := parse(t, k.name+"="+k.def+"\n")
			want := newFileConfig("zoo.cfg")
			want.origins = c.origins
			if !reflect.DeepEqual(c, want) || len(notices) > 0 {
				t.Errorf("giving the default changes something: %+v\nwant %+v; notices %v", c, want, notices)
			}
		})
	}
}

// The keys that Apache ZooKeeper documents or reads are known, whatever becomes of them here.
func TestKeysOfApacheAreKnown(t *testing.T) {
	keys := `dataDir dataLogDir clientPort clientPortAddress secureClientPort secureClientPortAddress clientPortListenBacklog
		tickTime minSessionTimeout maxSessionTimeout maxClientCnxns localSessionsEnabled localSessionsUpgradingEnabled
		metricsProvider.className metricsProvider.httpPort metricsProvider.exportJvmInfo initLimit syncLimit
		connectToLearnerMasterLimit electionAlg server.1 group.1 weight.1 peerType observerMasterPort quorumListenOnAllIPs
		syncEnabled standaloneEnabled reconfigEnabled dynamicConfigFile autopurge.snapRetainCount autopurge.purgeInterval
		sslQuorum portUnification sslQuorumReloadCertFiles quorum.auth.enableSasl quorum.auth.serverRequireSasl
		quorum.auth.learnerRequireSasl quorum.auth.learner.saslLoginContext quorum.auth.server.saslLoginContext
		quorum.auth.kerberos.servicePrincipal quorum.cnxn.threads.size jvm.pause.monitor jvm.pause.warn-threshold.ms
		jvm.pause.info-threshold.ms jvm.pause.sleep.time.ms multiAddress.enabled multiAddress.reachabilityCheckEnabled
		multiAddress.reachabilityCheckTimeoutMs oraclePath
		4lw.commands.whitelist extendedTypesEnabled emulate353TTLNodes enforceQuota skipACL enableEagerACLCheck
		globalOutstandingLimit maxCnxns largeRequestMaxBytes largeRequestThreshold request_throttle_max_requests
		request_throttle_stall_time request_throttle_drop_stale request_stale_latency_check request_stale_connection_check
		request_throttler.shutdownTimeout throttled_op_wait_time connection_throttle_tokens connection_throttle_fill_time
		connection_throttle_fill_count connection_throttle_freeze_time connection_throttle_drop_increase
		connection_throttle_drop_decrease connection_throttle_decrease_ratio connection_throttle_weight_enabled
		connection_throttle_global_session_weight connection_throttle_renew_session_weight
		connection_throttle_local_session_weight DigestAuthenticationProvider.superDigest
		DigestAuthenticationProvider.enabled DigestAuthenticationProvider.digestAlg authProvider.1
		X509AuthenticationProvider.superUser superUser superUser.x SASLAuthenticationProvider.superPassword
		letAnySaslUserDoX allowSaslFailedClients sasl.serverconfig kerberos.removeHostFromPrincipal
		kerberos.removeRealmFromPrincipal security.auth_to_local enforce.auth.enabled enforce.auth.schemes
		sessionRequireClientSASLAuth ensembleAuthName IPAuthenticationProvider.usexforwardedfor ssl.keyStore.location
		ssl.trustStore.password ssl.quorum.keyStore.location ssl.protocol ssl.clientAuth ssl.hostnameVerification
		client.portUnification client.certReload fips-mode serverCnxnFactory clientTcpKeepAlive nio.sessionlessCnxnTimeout
		nio.numSelectorThreads nio.numWorkerThreads nio.directBufferBytes nio.shutdownTimeout
		netty.advancedFlowControl.enabled netty.server.outstandingHandshake.limit commitProcessor.numWorkerThreads
		flushDelay maxWriteQueuePollTime maxBatchSize forceSync preAllocSize snapCount snapSizeLimitInKb
		txnLogSizeLimitInKb commitLogCount snapshotSizeFactor fsync.warningthresholdms snapshot.compression.method
		snapshot.trust.empty datadir.autocreate db.autocreate digest.enabled serializeLastProcessedZxid.enabled
		closeSessionTxn.enabled maxResponseCacheSize maxGetChildrenResponseCacheSize intBufferStartingSizeBytes
		watchManagerName watcherCleanThreadsNum watcherCleanThreshold watcherCleanIntervalInSeconds
		maxInProcessingDeadWatchers bitHashCacheSize leaderServes leader.closeSocketAsync learner.closeSocketAsync
		learner.asyncSending leader.maxConcurrentSnapSyncs leader.maxConcurrentDiffSyncs leader.maxTimeToWaitForEpoch
		observer.reconnectDelayMs observer.election.DelayMs fastleader.minNotificationInterval cnxTimeout
		quorumCnxnTimeoutMs tcpKeepAlive electionPortBindRetry forward_learner_requests_to_commit_processor_disabled
		follower.skipLearnerRequestToNextProcessor admin.enableServer admin.serverPort audit.enable audit.impl.class
		pathStats.slotCapacity jute.maxbuffer jute.maxbuffer.extrasize znode.container.checkIntervalMs
		znode.container.maxPerMinute znode.container.maxNeverUsedIntervalMs readonlymode.enabled
		java.security.auth.login.config`
	for name := range strings.FieldsSeq(keys) {
		if findKey(name) == nil {
			t.Errorf("%s is unknown", name)
		}
	}
}

// A family is found by what stands before its last fixed dot, the longest first; its bare name is not in it.
func TestFamiliesOfKeys(t *testing.T) {
	cases := []struct{ name, found string }{
		{"server.12", "server.*"}, {"ssl.quorum.keyStore.location", "ssl.quorum.*"}, {"ssl.keyStore.location", "ssl.*"},
		{"admin.enableServer", "admin.enableServer"}, {"admin.serverPort", "admin.*"}, {"metricsProvider.a.b", "metricsProvider.*"},
		{"server.", ""}, {"server", ""}, {"", ""}, {".", ""}, {"servers.1", ""},
	}
	for _, c := range cases {
		found := ""
		if k := findKey(c.name); k != nil {
			found = k.name
		}
		if found != c.found {
			t.Errorf("%q is found as %q, want %q", c.name, found, c.found)
		}
	}
}

// Numbers of properties are read as Java's Integer.decode reads them.
func TestJavaDecode(t *testing.T) {
	good := map[string]int64{"0": 0, "12": 12, "+5": 5, "-5": -5, "0x1F": 31, "0XfF": 255, "#10": 16, "010": 8, "-0x10": -16}
	for text, want := range good {
		if n, ok := javaDecode(text); !ok || n != want {
			t.Errorf("%s is %d %v, want %d", text, n, ok, want)
		}
	}
	for _, text := range []string{"", "x", "0x", "09", "1_000", "0b1", "--1", "+-1", "1 ", "99999999999999999999"} {
		if n, ok := javaDecode(text); ok {
			t.Errorf("%q is %d, want a refusal", text, n)
		}
	}
}
