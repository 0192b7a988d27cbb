package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

// profiled reports whether a case is the one of its scenario that a profile is taken of: the smallest value, where the
// bytes weigh least, under the deepest load.
func (s *suite) profiled(c Case) bool {
	settings := s.result.Settings
	if settings.Profile == 0 || c.ValueBytes != slices.Min(settings.ValueSize) {
		return false
	}
	deepest := slices.MaxFunc(settings.Shapes, func(a, b Shape) int { return a.Depth - b.Depth })
	return c.Shape == deepest
}

// profile takes a CPU profile of the server under the load of a case, in a window of its own.
func (s *suite) profile(ctx context.Context, c Case, server *running) error {
	spec := s.spec(c, server)
	spec.duration = s.result.Settings.Profile + time.Minute // it is ended when the profile is there
	loadCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	loading, ended := make(chan struct{}), make(chan error, 1)
	spec.loading = func() { close(loading) }
	go func() {
		_, err := s.load(loadCtx, spec)
		ended <- err
	}()
	var data []byte
	var err error
	select {
	case <-loading:
		data, err = fetchProfile(ctx, server.pprof, int(s.result.Settings.Profile.Round(time.Second).Seconds()))
		cancel()
		<-ended // its error is that it was ended
	case err = <-ended:
	}
	if err == nil {
		err = s.keepProfile(c, data)
	}
	if died := server.child.exited(); died != nil {
		err = died
	}
	if err != nil {
		return fmt.Errorf("profile of %s: %w", c.Scenario.Name, err)
	}
	return nil
}

// keepProfile writes a profile and its summary beside each other.
func (s *suite) keepProfile(c Case, data []byte) error {
	summary, err := summarizeProfile(data)
	if err != nil {
		return err
	}
	if data, err = withoutFolders(data); err != nil {
		return err
	}
	name := profilesDir + "/" + c.Scenario.Name
	summary.Case, summary.Party, summary.File = c, nameServer, name+".pprof"
	s.result.Profiles = append(s.result.Profiles, summary)
	s.say("     %-9s %5d B %7v  profile    %s", c.Scenario.Name, c.ValueBytes, c.Shape, summary.File)
	return errors.Join(
		writeFile(filepath.Join(s.out, summary.File), data),
		writeFile(filepath.Join(s.out, name+".txt"), summary.text()),
	)
}
