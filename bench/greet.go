package bench

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"bellwether/engine/wire"
)

// greetTimeout bounds one attempt to get a session from a server that may not be up yet.
const greetTimeout = 5 * time.Second

// greet opens a session at addr and closes it again: proof that the server there serves, whatever it is. An Apache
// ZooKeeper listens before it does, and closes such connections without a word.
func greet(ctx context.Context, addr string) error {
	conn, err := (&net.Dialer{Timeout: greetTimeout}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(greetTimeout)); err != nil {
		return err
	}
	hello := wire.ConnectRequest{Timeout: 10_000, Passwd: make([]byte, 16), HasReadOnly: true}
	request := hello.Append(wire.BeginFrame(nil))
	wire.EndFrame(request, 0)
	end := len(request)
	request = wire.AppendRequestHeader(wire.BeginFrame(request), 1, wire.OpCloseSession)
	wire.EndFrame(request, end)
	if _, err := conn.Write(request); err != nil {
		return err
	}
	// The connect response is 37 bytes behind its length.
	response := make([]byte, wire.FrameHeaderSize+37)
	if _, err := io.ReadFull(conn, response); err != nil {
		return fmt.Errorf("no answer to a connect request: %w", err)
	}
	var p wire.ConnectResponse
	r := wire.NewReader(response[wire.FrameHeaderSize:])
	if err := p.Decode(&r); err != nil {
		return fmt.Errorf("answer to a connect request: %w", err)
	}
	if p.Timeout == 0 {
		return fmt.Errorf("refused a session")
	}
	_, _ = io.Copy(io.Discard, conn) // until the server has closed it, or the deadline
	return nil
}
