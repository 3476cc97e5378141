// Files: what the rooms that read and write files share: bytes mapped into memory, files that are replaced whole or not
// at all, JSON, and the words for what went wrong. It knows no model format, and nothing of it is public.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What the system says about an error number.
package func systemErrorText(_ code: Int32) -> String {
  guard let text = strerror(code) else { return "error \(code)" }
  return String(cString: text)
}

/// What to do about a file that ends too early.
package let incompleteFileRemedy = "The download may be incomplete: fetch the file again"

/// A name from a file, quoted for a message: control characters escaped, and cut when very long.
package func quoted(_ name: String) -> String {
  let limit = 80
  return name.unicodeScalars.count <= limit
    ? name.debugDescription : String(String.UnicodeScalarView(name.unicodeScalars.prefix(limit))).debugDescription + "…"
}
