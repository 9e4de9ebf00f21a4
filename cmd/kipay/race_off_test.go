//go:build !race

package main_test

// raceFlag builds the binary under test as this test was built.
const raceFlag = "-race=false"
