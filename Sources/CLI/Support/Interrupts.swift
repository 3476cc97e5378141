import KingletTensors
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Where the signal handler tells of Ctrl-C, which is all it does.
private let interruptPipe = Atomic<Int32>(-1)

/// Ctrl-C. A thread waits for the handler's word, so that what it starts need not be safe within a signal handler.
///
/// (Blocking the signal and waiting for it would be shorter, but OpenBLAS starts threads as it is loaded, before anything
/// can be blocked for them, and the signal would end the process through one of those.)
///
/// The first Ctrl-C calls the current handler, if there is one; without a handler, or when it comes again before the
/// handler has had its effect, the process ends with code 130.
final class Interrupts: Sendable {
  static let shared = Interrupts()

  private struct State {
    var handler: (@Sendable () -> Void)?
    var isPending = false
  }
  private let state = Mutex(State())
  private let wasInterrupted = Atomic<Bool>(false)

  /// Whether Ctrl-C has been pressed since the last `handle`.
  var isInterrupted: Bool { wasInterrupted.load(ordering: .relaxed) }

  /// To be called once.
  func start() {
    var ends: [Int32] = [0, 0]
    // Without a pipe, Ctrl-C ends the process, as it does any other.
    guard pipe(&ends) == 0 else { return }
    interruptPipe.store(ends[1], ordering: .relaxed)
    signal(SIGINT) { _ in
      let saved = errno
      var byte: UInt8 = 0
      _ = write(interruptPipe.load(ordering: .relaxed), &byte, 1)
      errno = saved
    }
    startThread(stackByteCount: 1 << 18) { [end = ends[0]] in
      var byte: UInt8 = 0
      while true {
        if read(end, &byte, 1) == 1 { self.interrupt() }
      }
    }
  }

  /// Sets what the next Ctrl-C does; nil makes it end the process.
  func handle(_ handler: (@Sendable () -> Void)?) {
    state.withLock { $0 = State(handler: handler) }
    wasInterrupted.store(false, ordering: .relaxed)
  }

  private func interrupt() {
    wasInterrupted.store(true, ordering: .relaxed)
    let handler = state.withLock { state -> (@Sendable () -> Void)? in
      defer { state.isPending = true }
      return state.isPending ? nil : state.handler
    }
    if let handler { handler() } else { Self.exit() }
  }

  /// Ends the process as one that Ctrl-C has stopped.
  static func exit() -> Never {
    if isTerminal(STDERR_FILENO) { standardError("\n") }
    #if canImport(Darwin)
      Darwin.exit(130)
    #elseif canImport(Musl)
      Musl.exit(130)
    #else
      Glibc.exit(130)
    #endif
  }
}
