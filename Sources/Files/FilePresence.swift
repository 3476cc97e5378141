#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Whether there is a file, or anything else, at `path`.
package func fileExists(_ path: String) -> Bool { access(path, F_OK) == 0 }

/// Whether two paths lead to the same file or folder; false where one leads nowhere.
package func areSameFile(_ one: String, _ other: String) -> Bool {
  var (first, second) = (stat(), stat())
  guard stat(one, &first) == 0, stat(other, &second) == 0 else { return false }
  return first.st_dev == second.st_dev && first.st_ino == second.st_ino
}
