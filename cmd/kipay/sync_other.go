//go:build !linux

package main

import (
	"context"

	"golang.org/x/sys/unix"
)

// syncFolder makes durable what any process has written.
func syncFolder(string) func(context.Context) error {
	return func(context.Context) error { return unix.Sync() }
}
