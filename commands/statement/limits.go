package statement

// Limits of files. Whatever is over one of them is refused, not cut.
const (
	// MaxFileBytes bounds a file as it is uploaded; MaxLines what is read of it.
	MaxFileBytes = 1 << 30
	MaxLines     = 2_000_000
	// MaxXLSXBytes bounds a workbook, which is held in memory as it was uploaded; MaxUnzippedBytes what it unpacks to, and
	// MaxPartBytes each of its parts but sheets and texts.
	MaxXLSXBytes     = 128 << 20
	MaxUnzippedBytes = 2 << 30
	MaxPartBytes     = 16 << 20
	MaxParts         = 2000
	// MaxBadLines is how many bad lines are named; more are only counted, and after MaxBadCount reading ends.
	MaxBadLines = 100
	MaxBadCount = 100_000
	// MaxRecordBytes bounds one line of text, or one entry of MT940 and CAMT.053.
	MaxRecordBytes = 64 << 10
	// MaxColumns bounds a table's width.
	MaxColumns = 200
	// MaxDepth bounds the nesting of XML and JSON.
	MaxDepth = 40
	// headerRows is how far down the row with the columns' names is looked for.
	headerRows = 30
	// maxText bounds one text of a line, in bytes.
	maxText = 1000
	// sniffBytes is how much of a file tells what it is.
	sniffBytes = 64 << 10
	// checkEvery is how often, in lines, it is seen whether the caller gave up.
	checkEvery = 1024
)
