import KingletErrors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Zeroed memory from the operating system, page-aligned, given back when the last owner goes.
///
/// Large regions ask for transparent huge pages: a pass over the weights touches every page, and 2 MB pages spare it
/// hundreds of misses per megabyte in the address translation.
///
/// `@unchecked Sendable`: the region itself is immutable; who may write to it when is a matter of its owner.
final class Memory: @unchecked Sendable {
  let base: UnsafeMutableRawPointer
  let byteCount: Int

  init(byteCount: Int) throws(KingletError) {
    let size = max(byteCount, 1)
    let flags = MAP_PRIVATE | MAP_ANON
    guard let base = mmap(nil, size, PROT_READ | PROT_WRITE, flags, -1, 0), base != MAP_FAILED else {
      throw KingletError(
        .outOfMemory, "the operating system refused \(size) bytes of memory",
        remedy: "Close other programs, or choose a smaller model or context.")
    }
    #if os(Linux)
      if size >= 4 << 20 { madvise(base, size, 14) }  // MADV_HUGEPAGE; a kernel without it just says no
    #endif
    self.base = base
    self.byteCount = size
  }

  /// Maps a part of a file, for reading only.
  ///
  /// - Parameter offset: a multiple of the page size.
  init(mapping path: String, offset: Int, byteCount: Int) throws(KingletError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw KingletError(.fileUnreadable, "the file cannot be opened", at: path) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, byteCount > 0, Int(status.st_size) >= offset + byteCount else {
      throw KingletError(.fileCorrupt, "the file is shorter than its \(byteCount) bytes from \(offset) on", at: path)
    }
    guard let base = mmap(nil, byteCount, PROT_READ, MAP_SHARED, descriptor, off_t(offset)), base != MAP_FAILED else {
      throw KingletError(.fileUnreadable, "the file cannot be mapped", at: path)
    }
    self.base = base
    self.byteCount = byteCount
  }

  deinit { munmap(base, byteCount) }
}

/// Memory handed out front to back, in steps of a cache line: the weights of a model in the order they are used.
final class Arena: Sendable {
  static let alignment = 64
  let memory: Memory

  init(byteCount: Int) throws(KingletError) { memory = try Memory(byteCount: byteCount) }
  init(memory: Memory) { self.memory = memory }

  /// `byteCount` rounded up to whole cache lines, nil on overflow.
  static func padded(_ byteCount: Int) -> Int? {
    let (sum, overflow) = byteCount.addingReportingOverflow(alignment - 1)
    return overflow || byteCount < 0 ? nil : sum / alignment * alignment
  }
}
