import KingletTensors
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Ctrl-C. A thread waits for the signal, so that what it starts need not be safe within a signal handler.
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

  /// To be called before other threads start: they inherit that the signal is blocked.
  func start() {
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGINT)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    startThread(stackByteCount: 1 << 18) {
      var signals = sigset_t()
      sigemptyset(&signals)
      sigaddset(&signals, SIGINT)
      while true {
        var signal: Int32 = 0
        if sigwait(&signals, &signal) == 0 { self.interrupt() }
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
