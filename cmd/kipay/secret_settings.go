package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// mostSecretBytes is how long a secret's file, or a command's answer, may be.
const mostSecretBytes = 64 << 10

// masterKeyPatience is how long the command that gives the master key may take.
const masterKeyPatience = 30 * time.Second

// readFile takes the value of a secret from the file that KIPAY_…_FILE names, which is how orchestrators hand secrets over,
// into env. Both at once is a mistake: one of them is out of date.
func (s setting) readFile(env map[string]string) error {
	path := env[s.fileEnv()]
	if path == "" {
		return nil
	}
	if env[s.env()] != "" {
		return fmt.Errorf("%s: must not be set when %s is", s.fileEnv(), s.env())
	}
	info, err := os.Stat(path)
	if err == nil && info.Size() > mostSecretBytes {
		err = errors.New("is larger than any secret")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.fileEnv(), err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%s: %w", s.fileEnv(), err)
	}
	value := strings.TrimSpace(string(text))
	if value == "" {
		return fmt.Errorf("%s: %s is empty", s.fileEnv(), path)
	}
	env[s.env()] = value
	return nil
}

// askMasterKey runs the command that gives the master key. What it prints goes nowhere but here; what it complains of is
// for the operator.
func askMasterKey(ctx context.Context, command []string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, masterKeyPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // the operator's own
	cmd.WaitDelay = time.Second
	var out limitedBuffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return "", fmt.Errorf("KIPAY_MASTER_KEY_COMMAND: %s: %w", command[0], err)
	}
	key := strings.TrimSpace(out.String())
	if key == "" {
		return "", fmt.Errorf("KIPAY_MASTER_KEY_COMMAND: %s printed nothing", command[0])
	}
	return key, nil
}

// limitedBuffer takes no more than a secret can be long.
type limitedBuffer struct{ bytes.Buffer }

// Write refuses what is too much.
func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > mostSecretBytes {
		return 0, errors.New("the answer is larger than any secret")
	}
	return b.Buffer.Write(p)
}
