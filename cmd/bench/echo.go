package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"time"

	"github.com/gofiber/fiber/v2"
)

// echoRequest is the body of an initialize request, as the yardstick decodes it.
type echoRequest struct {
	Amount           json.Number `json:"amount"`
	Email            string      `json:"email"`
	PaymentChannelID int64       `json:"payment_channel_id"`
	Description      string      `json:"description"`
	Currency         string      `json:"currency"`
	FirstName        string      `json:"first_name"`
	LastName         string      `json:"last_name"`
	Phone            string      `json:"phone"`
}

// echoAnswer has the keys of an initialize answer, and about its size.
type echoAnswer struct {
	Status      string `json:"status"`
	Message     string `json:"message"`
	Transaction struct {
		ID                int64       `json:"id"`
		Reference         string      `json:"reference"`
		Amount            json.Number `json:"amount"`
		Status            string      `json:"status"`
		CreatedAt         string      `json:"created_at"`
		Currency          string      `json:"currency"`
		Description       string      `json:"description"`
		MerchantReference *string     `json:"merchant_reference"`
		Customer          struct {
			ID        int64  `json:"id"`
			Email     string `json:"email"`
			FirstName string `json:"first_name"`
			LastName  string `json:"last_name"`
			Phone     string `json:"phone"`
		} `json:"customer"`
		PaymentMethod *string `json:"payment_method"`
		PaidAt        *string `json:"paid_at"`
		Receipt       *string `json:"receipt"`
		FailureCode   *string `json:"failure_code"`
		FailureReason *string `json:"failure_reason"`
		ExpiresAt     string  `json:"expires_at"`
	} `json:"transaction"`
	AuthorizationURL string `json:"authorization_url"`
	AccessCode       string `json:"access_code"`
	Reference        string `json:"reference"`
}

// echo is the yardstick: it decodes the body into a struct and answers JSON made from it. It authenticates nobody, checks
// nothing, logs nothing and keeps nothing.
func echo(c *fiber.Ctx) error {
	var in echoRequest
	if err := json.Unmarshal(c.Body(), &in); err != nil {
		return fiber.ErrBadRequest
	}
	const reference, moment = "KIPAY0123456789ABCDEF", "2026-01-01T12:00:00.000Z"
	out := echoAnswer{
		Status: "success", Message: "Success", Reference: reference, AccessCode: "ABCDEFGHJKMNPQRS",
		AuthorizationURL: "http://127.0.0.1:8080/payment/checkout/" + reference,
	}
	t := &out.Transaction
	t.ID, t.Reference, t.Amount, t.Status, t.CreatedAt, t.ExpiresAt = 123456, reference, in.Amount, "pending", moment, moment
	t.Currency, t.Description = in.Currency, in.Description
	t.Customer.ID, t.Customer.Email, t.Customer.FirstName = 1234, in.Email, in.FirstName
	t.Customer.LastName, t.Customer.Phone = in.LastName, in.Phone
	return c.Status(fiber.StatusCreated).JSON(out)
}

// runEchoChild is the yardstick's process: it prints its address and serves until its input ends.
func runEchoChild(in io.Reader, out io.Writer) error {
	// The settings that Kipay's own server runs Fiber with (cmd/kipay/internal/web).
	app := fiber.New(fiber.Config{
		Immutable: true, CaseSensitive: true, StreamRequestBody: true, DisablePreParseMultipartForm: true, BodyLimit: math.MaxInt,
		ReadBufferSize: 8 << 10, ReadTimeout: 15 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 75 * time.Second,
		DisableStartupMessage: true,
	})
	app.Post("/api/transactions/initialize", echo)
	ln, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // at once, or not at all
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, ln.Addr()); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, in)
		_ = app.Shutdown()
	}()
	return app.Listener(ln)
}

// yardstick is the echo server as the rest of the program uses it.
type yardstick struct {
	*child
	addr string
}

// startYardstick starts the echo server's process.
func startYardstick(ctx context.Context) (*yardstick, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c, err := startChild(childOptions{Path: self, Args: []string{"echo"}, Pipes: true})
	if err != nil {
		return nil, fmt.Errorf("start the echo server: %w", err)
	}
	y := &yardstick{child: c}
	if _, err := fmt.Fscanln(c.out, &y.addr); err != nil || ctx.Err() != nil {
		_ = c.stop()
		return nil, fmt.Errorf("start the echo server: %w", err)
	}
	return y, nil
}
