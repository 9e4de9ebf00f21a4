package main

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// syncFolder makes durable all that any process has written to the file system that the folder is on (syncfs(2)).
func syncFolder(path string) func(context.Context) error {
	return func(context.Context) error {
		dir, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("sync the read models: %w", err)
		}
		defer func() { _ = dir.Close() }()
		if err := unix.Syncfs(int(dir.Fd())); err != nil {
			return fmt.Errorf("sync the read models: %w", err)
		}
		return nil
	}
}
