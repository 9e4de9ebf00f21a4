package pages

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"path"
)

//go:embed assets
var assetFiles embed.FS

// asset is one embedded file, ready to be served.
type asset struct {
	contentType string
	body        []byte
}

// assetTypes are the types of files that there may be.
var assetTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// assetHashSize is the number of hex digits of the hash in an asset's path.
const assetHashSize = 16

// loadAssets reads the embedded files and the hash over all of them. One hash for all lets the style sheet name its
// images by a plain relative address.
func loadAssets(files fs.FS) (byName map[string]asset, hash string, err error) {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, "", err
	}
	byName = make(map[string]asset, len(entries))
	sum := sha256.New()
	for _, e := range entries { // sorted by name
		body, err := fs.ReadFile(files, e.Name())
		if err != nil {
			return nil, "", err
		}
		byName[e.Name()] = asset{contentType: assetTypes[path.Ext(e.Name())], body: body}
		sum.Write([]byte(e.Name()))
		sum.Write([]byte{0})
		sum.Write(body)
	}
	return byName, hex.EncodeToString(sum.Sum(nil))[:assetHashSize], nil
}
