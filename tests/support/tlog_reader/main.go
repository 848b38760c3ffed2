// Reads a directory as a C2SP tlog-tiles log with the hashing, proving and note code of golang.org/x/mod/sumdb alone.
//
//	tlog_reader DIR VKEY [SIZE]...
//
// Checks the checkpoint's signature, that every entry bundle hashes to the tiles and these to the root, an inclusion
// proof of every entry, a consistency proof from each SIZE, and, as Tessera's fsck does, that every tile which the
// entries call for is there, byte for byte. Only the names of files differ from those of a sumdb: tile/L/N, not
// tile/8/L/N.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8
const width = 1 << height

type directory string

func (d directory) read(path string) ([]byte, error) {
	return os.ReadFile(filepath.Join(string(d), filepath.FromSlash(path)))
}

// The path under which tlog-tiles keeps what a sumdb keeps under tile.Path().
func tilePath(tile tlog.Tile) string {
	return "tile/" + strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", height))
}

func (d directory) Height() int                             { return height }
func (d directory) SaveTiles(tiles []tlog.Tile, _ [][]byte) {}
func (d directory) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := d.read(tilePath(tile))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

// The bundle of entries that begins with entry `first` (from 0) of a log of `size`.
func (d directory) entries(first, size int64) ([][]byte, error) {
	count := size - first
	if count > width {
		count = width
	}
	// A bundle is named like the tile of its hashes.
	name := tilePath(tlog.Tile{H: height, L: 0, N: first / width, W: int(count)})
	data, err := d.read("tile/entries/" + strings.TrimPrefix(name, "tile/0/"))
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for i := int64(0); i < count; i++ {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			return nil, fmt.Errorf("%s: ends within entry %d", name, i)
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		entries = append(entries, data[2:end])
		data = data[end:]
	}
	if len(data) > 0 {
		return nil, fmt.Errorf("%s: goes on after its entries", name)
	}
	return entries, nil
}

func (d directory) checkpoint(vkey string) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tlog.Tree{}, err
	}
	data, err := d.read("checkpoint")
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		return tlog.Tree{}, fmt.Errorf("checkpoint: not the three lines of %s", verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	hash, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: hash}, err
}

// Everything that the entries alone amount to.
type recomputed []tlog.Hash

func (r recomputed) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, index := range indexes {
		hashes = append(hashes, r[index])
	}
	return hashes, nil
}

func (d directory) recompute(size int64) (recomputed, error) {
	var own recomputed
	for first := int64(0); first < size; first += width {
		entries, err := d.entries(first, size)
		if err != nil {
			return nil, err
		}
		for i, entry := range entries {
			hashes, err := tlog.StoredHashes(first+int64(i), entry, own)
			if err != nil {
				return nil, err
			}
			own = append(own, hashes...)
		}
	}
	return own, nil
}

// Every tile is there and holds what the entries say.
func (d directory) compareTiles(size int64, own recomputed) (int, error) {
	compared := 0
	for _, tile := range tlog.NewTiles(height, 0, size) {
		// A sumdb also names the partial tiles of every smaller tree.
		if tile.W != width && int64(tile.W) != size>>(height*tile.L)%width {
			continue
		}
		compared++
		want, err := tlog.ReadTileData(tile, own)
		if err != nil {
			return 0, err
		}
		got, err := d.read(tilePath(tile))
		if err != nil {
			return 0, err
		}
		if !bytes.Equal(got, want) {
			return 0, fmt.Errorf("%s: not what the entries lead to", tilePath(tile))
		}
	}
	return compared, nil
}

// Proofs out of the directory's tiles, which TileHashReader holds against the checkpoint's root.
func (d directory) checkProofs(tree tlog.Tree, own recomputed, older []string) error {
	reader := tlog.TileHashReader(tree, d)
	for n := int64(0); n < tree.N; n++ {
		proof, err := tlog.ProveRecord(tree.N, n, reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, n, own[tlog.StoredHashIndex(0, n)]); err != nil {
			return fmt.Errorf("entry %d: %v", n, err)
		}
	}
	for _, text := range older {
		size, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return err
		}
		root, err := tlog.TreeHash(size, own)
		if err != nil {
			return err
		}
		proof, err := tlog.ProveTree(tree.N, size, reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, size, root); err != nil {
			return fmt.Errorf("consistency from %d: %v", size, err)
		}
	}
	return nil
}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 3 {
		log.Fatal("usage: tlog_reader DIR VKEY [SIZE]...")
	}
	archive := directory(os.Args[1])
	tree, err := archive.checkpoint(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	own, err := archive.recompute(tree.N)
	if err != nil {
		log.Fatal(err)
	}
	root, err := tlog.TreeHash(tree.N, own)
	if err != nil {
		log.Fatal(err)
	}
	if root != tree.Hash {
		log.Fatalf("the entries lead to %v, the checkpoint signs %v", root, tree.Hash)
	}
	tiles, err := archive.compareTiles(tree.N, own)
	if err != nil {
		log.Fatal(err)
	}
	if err := archive.checkProofs(tree, own, os.Args[3:]); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d entries, %d tiles, root %v\n", tree.N, tiles, tree.Hash)
}
