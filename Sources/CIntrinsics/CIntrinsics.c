// The target holds headers only; SwiftPM asks for one source file.
