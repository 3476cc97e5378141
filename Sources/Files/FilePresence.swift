#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Whether there is a file, or anything else, at `path`.
package func fileExists(_ path: String) -> Bool { access(path, F_OK) == 0 }
