package main

import (
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// registerHealth adds what an operator's machines ask: alive, ready, figures.
func (n *node) registerHealth(r fiber.Router) {
	r.Get("/healthz", func(c *fiber.Ctx) error { return c.JSON(fiber.Map{"status": "ok", "version": version}) })
	r.Get("/readyz", n.ready)
	r.Get("/metrics", adaptor.HTTPHandler(promhttp.HandlerFor(n.meter.registry, promhttp.HandlerOpts{})))
}

// ready answers 200 while payments can be taken. Read models that are away are told, but don't make the node unready:
// writes, callbacks and verify go on without them.
func (n *node) ready(c *fiber.Ctx) error {
	status, store, reads := fiber.StatusOK, "ok", "ok"
	if _, err := n.store.Head(c.UserContext()); err != nil {
		status, store = fiber.StatusServiceUnavailable, "unavailable"
	}
	if err := n.readsReady(c.UserContext()); err != nil {
		reads = "unavailable"
	}
	word := "ready"
	switch {
	case status != fiber.StatusOK:
		word = "unavailable"
	case reads != "ok":
		word = "degraded"
	}
	return c.Status(status).JSON(fiber.Map{
		"status": word, "event_store": store, "read_models": reads,
		"projection_lag_ms": n.readsLag().Milliseconds(),
	})
}
