"""A FastAPI service whose decisions are sealed. Needs fastapi; run it with `uvicorn fastapi_app:app`.

One AsyncVault for the whole service: thousands of requests share its connection. VAULT_ENDPOINT says where vaultd is.
"""
from contextlib import asynccontextmanager
from typing import Any, Dict

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse

from vault999 import AsyncVault, NotFound, SealIdConflict, VaultError

vault: AsyncVault


@asynccontextmanager
async def lifespan(_: FastAPI):
    global vault
    async with AsyncVault(timeout=5) as vault:
        yield


app = FastAPI(title="Decisions")
app.router.lifespan_context = lifespan  # FastAPI(lifespan=lifespan) from 0.93 on


@app.exception_handler(VaultError)
async def vault_error(_: Request, error: VaultError) -> JSONResponse:
    """Retryable errors: the caller may send the same decision again, under the same id; it is sealed once."""
    status = 503 if error.retryable else 409 if isinstance(error, SealIdConflict) else 400
    return JSONResponse({"code": error.code, "message": error.message, "field": error.field}, status)


@app.put("/decisions/{decision_id}")
async def decide(decision_id: str, session_id: str, verdict: str, decision: Dict[str, Any]) -> Dict[str, Any]:
    """PUT with an id chosen by the caller: safe to repeat."""
    receipt = await vault.seal(session_id, "decision-service", verdict, decision, seal_id=decision_id)
    return {"sequence": receipt.sequence, "entry_hash": receipt.entry_hash, "repeated": receipt.duplicate}


@app.get("/decisions/{decision_id}")
async def decision(decision_id: str) -> Dict[str, Any]:
    try:
        return dict(await vault.read_by_seal_id(decision_id))
    except NotFound:
        raise HTTPException(404, "no such decision") from None


@app.get("/ready")
async def ready() -> Dict[str, Any]:
    return {"ready": (await vault.status()).ready}
