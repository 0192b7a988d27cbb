package client

import (
	"context"
	"errors"

	"bellwether/engine/wire"
)

// The calls of a Client, one per operation. A server's refusal is an *Error. AnyVersion as a version matches all.

// AnyVersion makes a delete, set or setACL unconditional.
const AnyVersion int32 = -1

// Create makes a znode and returns its path, which for the sequential modes is longer than the one given. A nil acl means
// wire.OpenACL.
func (c *Client) Create(ctx context.Context, path string, data []byte, mode wire.CreateMode, acl []wire.ACL) (string, error) {
	if acl == nil {
		acl = wire.OpenACL
	}
	var response wire.CreateResponse
	err := c.on(path, c.Do(ctx, wire.OpCreate, &wire.CreateRequest{
		Path: c.Path(path), Data: data, ACL: acl, Mode: mode,
	}, &response))
	return c.local(response.Path), err
}

// Delete removes a znode without children.
func (c *Client) Delete(ctx context.Context, path string, version int32) error {
	return c.on(path, c.Do(ctx, wire.OpDelete, &wire.DeleteRequest{Path: c.Path(path), Version: version}, nil))
}

// Exists tells whether there is such a znode, and its Stat. With watch, the next change of that is an event.
func (c *Client) Exists(ctx context.Context, path string, watch bool) (stat wire.Stat, ok bool, err error) {
	err = c.on(path, c.Do(ctx, wire.OpExists, &wire.ExistsRequest{Path: c.Path(path), Watch: watch}, &stat))
	if CodeOf(err) == wire.NoNode {
		return stat, false, nil
	}
	return stat, err == nil, err
}

// Get reads a znode's data: nil if it is null.
func (c *Client) Get(ctx context.Context, path string, watch bool) ([]byte, wire.Stat, error) {
	var response wire.GetDataResponse
	err := c.on(path, c.Do(ctx, wire.OpGetData, &wire.GetDataRequest{Path: c.Path(path), Watch: watch}, &response))
	return response.Data, response.Stat, err
}

// Set replaces a znode's data.
func (c *Client) Set(ctx context.Context, path string, data []byte, version int32) (stat wire.Stat, err error) {
	err = c.on(path, c.Do(ctx, wire.OpSetData, &wire.SetDataRequest{Path: c.Path(path), Data: data, Version: version}, &stat))
	return stat, err
}

// Children lists the names of a znode's children, in no particular order.
func (c *Client) Children(ctx context.Context, path string, watch bool) ([]string, wire.Stat, error) {
	var response wire.GetChildren2Response
	err := c.on(path, c.Do(ctx, wire.OpGetChildren2, &wire.GetChildren2Request{Path: c.Path(path), Watch: watch}, &response))
	return response.Names, response.Stat, err
}

// ACL reads a znode's access list.
func (c *Client) ACL(ctx context.Context, path string) ([]wire.ACL, wire.Stat, error) {
	var response wire.GetACLResponse
	err := c.on(path, c.Do(ctx, wire.OpGetACL, &wire.GetACLRequest{Path: c.Path(path)}, &response))
	return response.ACL, response.Stat, err
}

// SetACL replaces a znode's access list. Version is that of the list, not of the data.
func (c *Client) SetACL(ctx context.Context, path string, acl []wire.ACL, version int32) (stat wire.Stat, err error) {
	err = c.on(path, c.Do(ctx, wire.OpSetACL, &wire.SetACLRequest{Path: c.Path(path), ACL: acl, Version: version}, &stat))
	return stat, err
}

// Sync brings the server it is connected to up to date: calls that begin after it returned see all that was acknowledged
// to anyone before it began.
func (c *Client) Sync(ctx context.Context, path string) error {
	var response wire.SyncResponse
	return c.on(path, c.Do(ctx, wire.OpSync, &wire.SyncRequest{Path: c.Path(path)}, &response))
}

// MakePath creates a znode and all its missing ancestors, the chroot's own included, with no data and wire.OpenACL. Those
// that are there stay as they are.
func (c *Client) MakePath(ctx context.Context, path string) error {
	full := c.Path(path)
	for end := 1; end <= len(full); end++ {
		if end < len(full) && full[end] != '/' {
			continue
		}
		request := &wire.CreateRequest{Path: full[:end], ACL: wire.OpenACL}
		err := c.on(full[:end], c.Do(ctx, wire.OpCreate, request, &wire.CreateResponse{}))
		if err != nil && CodeOf(err) != wire.NodeExists {
			return err
		}
	}
	return nil
}

// on adds the path to an error that came without it.
func (c *Client) on(path string, err error) error {
	var e *Error
	if errors.As(err, &e) {
		e.Path = path
	}
	return err
}
