import KingletErrors
import KingletTensors
import Synchronization

/// Runs a closure on a thread of its own.
package enum DedicatedThread {
  /// - Parameter stackByteCount: Linux gives 8 MiB, musl 128 KiB, macOS 512 KiB unless asked.
  /// - Throws: `.outOfMemory` when the system has no thread to give.
  static func start(stackByteCount: Int = 8 << 20, _ body: @escaping @Sendable () -> Void) throws(KingletError) {
    guard startThread(stackByteCount: stackByteCount, body) else {
      throw KingletError(.outOfMemory, "the system refused to start a thread")
    }
  }

  /// Runs `body` on a thread of its own while the calling task is suspended, for work that is too long for Swift's
  /// cooperative pool. `body` may ask whether the task has been cancelled, and then throws what it likes.
  ///
  /// The result is no `throws`, because `async let` forgets the type of an error.
  package static func run<R: Sendable>(
    _ body: @escaping @Sendable (_ isCancelled: @escaping @Sendable () -> Bool) throws(KingletError) -> R
  ) async -> Result<R, KingletError> {
    let flag = CancellationFlag()
    return await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Result<R, KingletError>, Never>) in
        do throws(KingletError) {
          try start {
            do throws(KingletError) {
              continuation.resume(returning: .success(try body { flag.isCancelled }))
            } catch {
              continuation.resume(returning: .failure(error))
            }
          }
        } catch {
          continuation.resume(returning: .failure(error))
        }
      }
    } onCancel: {
      flag.cancel()
    }
  }
}

private final class CancellationFlag: Sendable {
  private let flag = Atomic(false)
  var isCancelled: Bool { flag.load(ordering: .relaxed) }
  func cancel() { flag.store(true, ordering: .relaxed) }
}
