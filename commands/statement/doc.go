// Package statement reads the statements of providers and banks: M-Pesa organisation statements (CSV and XLSX, also the
// older layout), Paystack transactions and settlements (CSV, and the API's JSON), bank statements (CSV with a mapping kept
// per bank, MT940, CAMT.053). Whatever the file, what comes out is one kind of Line, one at a time: a file of a million
// lines takes no more memory than one of a thousand, but for the keys that tell like lines apart.
//
// Readers are strict. A line that can't be read exactly is an error with its number, its column and the reason, never a
// guess; a file with a single bad line is refused as a whole (File.Err), so the caller reads it once to check it, and only
// then again to import it. No error quotes what stands in a file: it may be somebody's name.
//
// Start reading at file.go, then line.go. Each format has a file of its own; table.go is what the tabular ones share.
package statement
