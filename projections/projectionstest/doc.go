// Package projectionstest is what tests of the read models stand on: the real chDB engine in a child process, a real
// embedded event store, and payments made by the domain's own commands.
//
// A package that uses it calls Main from its TestMain: the test binary plays the child, too.
package projectionstest
