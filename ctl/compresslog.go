package ctl

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
	"github.com/spf13/cobra"

	"goinit/logs/segment"
)

// compressLogVerb is goinit's own: it starts one for each segment of a log that is closed.
func compressLogVerb() *cobra.Command {
	return &cobra.Command{
		Use:    "compress-log FILE",
		Short:  "make a .log.zst of a closed segment of a log",
		Args:   cobra.ExactArgs(1),
		Hidden: true,
		RunE: func(_ *cobra.Command, args []string) error {
			if err := compressLog(args[0]); err != nil {
				return failure{fmt.Errorf("cannot compress %s: %w", args[0], err)}
			}
			return nil
		},
	}
}

// compressLog compresses beside the file, renames, and then removes the file: whoever reads meanwhile has one of the two. The
// time of the last change goes with it, for data that has no record. It does not leave the store's directory, whatever links
// somebody has put there.
func compressLog(path string) (err error) {
	number, kind, ok := segment.ParseName(filepath.Base(path))
	if !ok || kind != segment.Log {
		return fmt.Errorf("it is no segment of a log")
	}
	dir, in, err := openInStore(path)
	if errors.Is(err, fs.ErrNotExist) { // of an app that writes fast: it has become the oldest, and gone
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	defer in.Close()
	st, err := in.Stat()
	if err != nil {
		return err
	}
	final := segment.Name(number, segment.Compressed)
	temporary := final + ".tmp"
	if err = dir.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) { // of one that was interrupted
		return err
	}
	out, err := dir.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = dir.Remove(temporary)
		}
	}()
	if err = compressTo(out, in); err == nil {
		err = dir.Chtimes(temporary, st.ModTime(), st.ModTime())
	}
	if err == nil {
		err = dir.Rename(temporary, final)
	}
	if err == nil {
		err = dir.Remove(filepath.Base(path))
	}
	return err
}

// openInStore opens an app's directory, below a store's, and a file in it.
func openInStore(path string) (*os.Root, *os.File, error) {
	app := filepath.Dir(path)
	store, err := os.OpenRoot(filepath.Dir(app))
	if err != nil {
		return nil, nil, err
	}
	defer store.Close()
	dir, err := store.OpenRoot(filepath.Base(app))
	if err != nil {
		return nil, nil, err
	}
	f, err := dir.Open(filepath.Base(path))
	if err != nil {
		dir.Close()
		return nil, nil, err
	}
	return dir, f, nil
}

// compressTo closes out, when it is on the disk: the only other copy goes then.
func compressTo(out *os.File, in io.Reader) error {
	w, err := zstd.NewWriter(out, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault))
	if err == nil {
		_, err = io.Copy(w, in)
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = out.Sync()
	}
	if e := out.Close(); err == nil {
		err = e
	}
	return err
}
