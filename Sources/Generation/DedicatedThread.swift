import KingletErrors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Runs a closure on a thread of its own. Foundation has one too, and costs more to load than the engine's whole start.
enum DedicatedThread {
  /// - Parameter stackByteCount: Linux gives 8 MiB, musl 128 KiB, macOS 512 KiB unless asked.
  /// - Throws: `.outOfMemory` when the system has no thread to give.
  static func start(stackByteCount: Int = 8 << 20, _ body: @escaping @Sendable () -> Void) throws(KingletError) {
    // The thread takes over the one reference made here.
    let work = Unmanaged.passRetained(Work(body))
    let status = create(work.toOpaque(), stackByteCount: stackByteCount)
    if status != 0 {
      work.release()
      throw KingletError(.outOfMemory, "the system refused to start a thread (error \(status))")
    }
  }

  private static func create(_ argument: UnsafeMutableRawPointer, stackByteCount: Int) -> CInt {
    #if canImport(Darwin)
      var thread: pthread_t?
    #else
      var thread = pthread_t()
    #endif
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, stackByteCount)
    pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
    let status = pthread_create(&thread, &attributes, runWork, argument)
    pthread_attr_destroy(&attributes)
    return status
  }
}

private final class Work: Sendable {
  let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

private func runWork(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
  return nil
}
